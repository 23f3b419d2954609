import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import BadInput
from workbench.panels.parts.pixels import grey_bytes, mask_bytes, shrink, signed_bytes

UNIT = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9),
    elements=st.floats(0, 1, width=32),
)  # fmt: skip
BYTES = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=4, max_side=70))


@given(UNIT)
def test_grey_values_are_kept_to_half_a_level(image: np.ndarray) -> None:
    assert np.abs(grey_bytes(image) / 255 - image).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("image", [np.full((2, 2), 1.5), np.full((2, 2), -0.5), np.zeros(4)])
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(BadInput):
        grey_bytes(image)


def test_masks_of_every_kind_become_strength() -> None:
    assert mask_bytes(np.array([[True, False]])).tolist() == [[255, 0]]
    assert mask_bytes(np.array([[0, 1], [2, 0]], np.uint8)).tolist() == [[0, 255], [255, 0]]
    assert mask_bytes(np.array([[0, 128]], np.uint8)).tolist() == [[0, 128]]
    assert mask_bytes(np.array([[0.0, 0.5]])).tolist() == [[0, 128]]


@given(hnp.arrays(np.float64, (5, 5), elements=st.floats(-1e3, 1e3)))
def test_attributions_keep_sign_and_fill_the_scale(signed: np.ndarray) -> None:
    drawn = signed_bytes(signed).astype(int)
    assert (np.sign(drawn) * np.sign(signed) >= 0).all()
    assert np.abs(drawn).max() in ((0,) if np.abs(signed).max() == 0 else (127,))


@given(BYTES, st.integers(2, 40))
def test_shrunk_pictures_fit_and_keep_their_brightness(image: np.ndarray, side: int) -> None:
    small = shrink(image, side)
    assert max(small.shape) <= side or min(image.shape) < -(-max(image.shape) // side)
    if small.shape == image.shape:
        assert (small == image).all()
    elif small.size:
        assert image.min() <= small.mean() + 0.5
        assert small.mean() - 0.5 <= image.max()
