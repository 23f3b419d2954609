import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.panels.parts.compared import REACHES, Compared, reach_of

TRUTH = np.linspace(0, 1, 48 * 32).reshape(48, 32).astype(np.float32)


def test_equal_pictures_have_no_errors() -> None:
    compared = Compared()
    compared.show(TRUTH, TRUTH)
    assert set(compared.error) == {0}
    assert compared.reach == REACHES[0]
    assert (compared.rows, compared.columns) == (48, 32)


def test_the_sign_says_whether_it_is_too_bright() -> None:
    compared = Compared()
    found = TRUTH.copy()
    found[:8], found[-8:] = found[:8] + 0.09, found[-8:] - 0.09
    compared.show(TRUTH, found)
    error = np.frombuffer(compared.error, np.int8).reshape(48, 32)
    assert compared.reach == 0.1
    assert (error[:8] > 0).all()
    assert (error[-8:] < 0).all()
    assert (error[8:-8] == 0).all()


@given(st.floats(0, 1))
def test_the_colours_reach_as_far_as_the_errors(size: float) -> None:
    reach = reach_of(np.full((8, 8), -size))
    assert reach in REACHES
    assert size <= reach
    assert reach == REACHES[0] or size > REACHES[REACHES.index(reach) - 1]


def test_what_is_missing_leaves_its_place_empty() -> None:
    compared = Compared()
    compared.show(TRUTH, None)
    assert compared.truth
    assert not compared.found
    assert not compared.error
    compared.show(None, None)
    assert not compared.truth


def test_the_key_counts_in_the_units_of_the_slice() -> None:
    compared = Compared()
    assert (compared.span, compared.unit) == (100, "%")
    compared.use_range(500.0)
    assert (compared.span, compared.unit) == (500, "HU")


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(BadInput, match="differ in size"):
        Compared().show(TRUTH, TRUTH[:8])
