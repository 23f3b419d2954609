"""Phantoms drawn to look like somebody else's slices: window, field of view, heights, versions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from workbench.errors import BadInput
from workbench.imaging.hounsfield import ABDOMEN, Window
from workbench.imaging.load import load
from workbench.imaging.phantoms.varied import varied

FEW = "phantom-liver:patients=4,slices=3,size=32"


def test_another_window_shows_the_same_patients_in_other_greys() -> None:
    usual, other = load(FEW), load(f"{FEW},low=0,high=255")
    assert other.window == Window(0, 255)
    hu = ABDOMEN.to_hu(usual.images)
    inside = (hu > 0) & (hu < 240)
    assert inside.any()
    np.testing.assert_allclose(other.images[inside], hu[inside] / 255, atol=1e-5)
    assert (other.images[hu < 0] == 0).all()


@pytest.mark.parametrize("window", ["low=300", "low=100,high=100", "low=-5,high=-9"])
def test_a_window_that_shows_nothing_is_refused(window: str) -> None:
    with pytest.raises(BadInput, match="shows nothing") as refused:
        load(f"{FEW},{window}")
    assert refused.value.field == "window"


def test_a_narrower_field_shows_the_liver_larger_and_says_so() -> None:
    wide, narrow = load(f"{FEW},field=400"), load(f"{FEW},field=300")
    assert wide.masks is not None
    assert narrow.masks is not None
    # The same livers in mm: their share of the picture grows with the square of the field.
    assert narrow.masks.sum() / wide.masks.sum() == pytest.approx((400 / 300) ** 2, rel=0.05)
    assert narrow.spacing_mm == (300 / 32,) * 2


def test_slices_beyond_the_liver_show_less_of_it() -> None:
    usual, beyond = load(FEW).masks, load(f"{FEW},beyond=30").masks
    assert usual is not None
    assert beyond is not None
    area, farther = (masks.sum(axis=(1, 2, 3)).reshape(4, 3) for masks in (usual, beyond))
    assert (farther[:, 0] < area[:, 0]).all()
    assert (farther[:, 2] < area[:, 2]).all()


@pytest.mark.parametrize("wrong", ["field=50", "beyond=100", "versions=101"])
def test_impossible_fields_and_heights_are_refused(wrong: str) -> None:
    with pytest.raises(BadInput, match="Phantoms need"):
        load(f"{FEW},{wrong}")


def test_versions_are_of_the_same_patients_and_all_different() -> None:
    drawn, versions = load(FEW), load(f"{FEW},versions=3")
    assert len(versions) == 3 * len(drawn)
    assert versions.patients.tolist() == np.repeat(drawn.patients, 3).tolist()
    assert versions.spacing_mm is None
    assert len(np.unique(versions.images.reshape(len(versions), -1), axis=0)) == len(versions)
    again = load(f"{FEW},versions=3")
    assert again.fingerprint == versions.fingerprint


def test_a_version_moves_its_mask_with_its_picture() -> None:
    side = np.arange(64)
    disc = (side[:, None] - 28) ** 2 + (side[None] - 36) ** 2 < 12**2
    hu = np.where(disc, 200, 0).astype(np.int16)[None]
    pictures, masks = varied(hu, disc[None].astype(np.uint8), Window(0, 255), 20, seed=1)
    for picture, mask in zip(pictures, masks, strict=True):
        inside, outside = np.median(picture[mask > 0]), np.median(picture[mask == 0])
        bright = ndimage.median_filter(picture, 3) > (inside + outside) / 2
        overlap = 2 * (bright & (mask > 0)).sum() / (bright.sum() + mask.sum())
        assert overlap > 0.93
    assert masks.sum(axis=(1, 2)).std() > 50
