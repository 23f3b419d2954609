import math

import numpy as np
import pytest
from scipy.stats import kstest

from workbench.dpsgd import normals
from workbench.dpsgd.normals import four_sums

Array = np.ndarray
ONE_IN_A_MILLION = 4.9  # standard deviations, both sides


@pytest.fixture(params=[True, False], ids=["numpy", "torch"])
def _functions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to a logarithm and a tangent, whichever this processor would choose."""
    monkeypatch.setattr(normals, "_NUMPY_IS_FASTER", request.param)


def sums_of(words: Array) -> Array:
    pairs = words.shape[-1]
    out, spare = np.empty(2 * pairs), np.empty((3, 4, pairs))
    four_sums(words.copy(), out=out, spare=spare)
    return out


def textbook(words: Array) -> tuple[Array, Array]:
    """Box & Muller 1958, draw by draw: the four parts of the cosine and of the sine results."""
    uniform = (words[0] | 1) / 2.0**32
    angle = words[1].view(np.int32) * (2 * math.pi / 2**32)
    radius = np.sqrt(-2 * np.log(uniform))
    return radius * np.cos(angle), radius * np.sin(angle)


def random_words(pairs: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 2**32, (2, 4, pairs), dtype=np.uint32)


@pytest.mark.usefixtures("_functions")
def test_they_are_the_textbooks_sums_of_four_over_two() -> None:
    words = random_words(50_000)
    cosine, sine = textbook(words)
    expected = np.concatenate([cosine.sum(axis=0) / 2, sine.sum(axis=0) / 2])
    assert np.abs(sums_of(words) - expected).max() < 1e-13


def test_the_four_parts_are_four_different_normals() -> None:
    for parts in textbook(random_words(200_000, seed=1)):
        for part in parts:
            assert kstest(part, "norm").pvalue > 1e-6
        correlation = np.corrcoef(parts) - np.eye(4)
        assert np.abs(correlation).max() < ONE_IN_A_MILLION / 200_000**0.5


@pytest.mark.usefixtures("_functions")
def test_each_part_weighs_the_same_in_the_sum() -> None:
    words = random_words(1, seed=2)
    before = sums_of(words)
    for quarter in range(4):
        changed = words.copy()
        changed[1, quarter] += np.uint32(2**31)  # half a turn: the part changes its sign
        parts = np.array(textbook(words))[:, quarter, 0]
        assert before - sums_of(changed) == pytest.approx(parts, abs=1e-12)


@pytest.mark.usefixtures("_functions")
def test_they_reach_four_times_as_far_as_one_draw_over_two() -> None:
    words = np.zeros((2, 4, 4), dtype=np.uint32)  # the smallest uniforms there are
    words[1] = np.array([0, 2**31, 2**30, 3 * 2**30])  # no turn, half, quarter and three quarters
    farthest = 2 * math.sqrt(2 * 32 * math.log(2))
    cosine, sine = sums_of(words).reshape(2, -1)
    assert farthest == pytest.approx(13.32, abs=0.005)
    assert cosine == pytest.approx([farthest, -farthest, 0, 0], abs=1e-12)
    assert sine == pytest.approx([0, 0, farthest, -farthest], abs=1e-12)


@pytest.mark.usefixtures("_functions")
def test_no_bits_make_anything_but_a_number() -> None:
    ends = np.array([0, 1, 2, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1], dtype=np.uint32)
    radii, angles = np.meshgrid(ends, ends)
    words = np.stack([np.tile(radii.ravel(), (4, 1)), np.tile(angles.ravel(), (4, 1))])
    values = sums_of(words)
    assert np.isfinite(values).all()
    cosine, sine = textbook(words)
    expected = np.concatenate([cosine.sum(axis=0), sine.sum(axis=0)]) / 2
    assert np.abs(values - expected).max() < 1e-12
