import numpy as np
import pytest
from attack_cases import picture
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attacks.scoring import rank as ranking
from workbench.attacks.scoring.baselines import PHANTOMS
from workbench.attacks.scoring.rank import Gallery, gallery, gallery_size, rank
from workbench.imaging.sliceset import SliceSet

AMONG = Gallery(np.stack([picture(24, seed) for seed in range(12)]), np.arange(1), "pictures")
places = st.integers(0, 11)


def slices(count: int) -> SliceSet:
    images = np.stack([picture(24, seed) for seed in range(count)])[:, None]
    return SliceSet(name="a set", images=images, patients=np.arange(count).astype(str))


@settings(max_examples=25, deadline=None)
@given(place=places, slope=st.floats(0.1, 3), offset=st.floats(-1, 1))
def test_the_slice_itself_is_first_whatever_its_brightness(
    place: int, slope: float, offset: float
) -> None:
    assert rank(slope * AMONG.pictures[place] + offset, AMONG, place) == 1


@settings(max_examples=25, deadline=None)
@given(place=places)
def test_its_negative_is_last(place: int) -> None:
    assert rank(1 - AMONG.pictures[place], AMONG, place) == 12


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_places_of_all_slices_are_all_different(seed: int) -> None:
    found = np.random.default_rng(seed).random((24, 24))
    assert sorted(rank(found, AMONG, place) for place in range(12)) == list(range(1, 13))


def test_a_flat_picture_says_nothing_so_the_slice_is_in_the_middle() -> None:
    assert {rank(np.full((24, 24), 0.4), AMONG, place) for place in range(12)} == {7}


def test_noise_finds_a_slice_no_better_than_chance() -> None:
    random = np.random.default_rng(0)
    found = [rank(random.random((24, 24)), AMONG, 3) for _ in range(400)]
    # Uniform on 1 to 12: mean 6.5, standard error 0.17.
    assert abs(np.mean(found) - 6.5) < 1


def test_the_gallery_is_the_set_with_the_attacked_slices_first() -> None:
    among = gallery(slices(5), np.array([3, 4]))
    assert len(among.pictures) == gallery_size(slices(5)) == 5
    assert among.made_of == "5 slices of a set"
    for place, seed in zip(among.places, (3, 4), strict=True):
        np.testing.assert_array_equal(among.pictures[place], picture(24, seed))
    assert len(np.unique(among.pictures, axis=0)) == 5


def test_a_slice_that_is_alone_stands_among_phantoms() -> None:
    among = gallery(slices(1), np.array([0]))
    assert len(among.pictures) == gallery_size(slices(1)) == 1 + PHANTOMS
    assert "phantoms" in among.made_of
    assert rank(picture(24, 0), among, 0) == 1


def test_a_large_set_is_thinned_and_keeps_the_attacked_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranking, "MOST", 6)
    among = gallery(slices(20), np.array([7, 8]))
    assert len(among.pictures) == gallery_size(slices(20)) == 6
    np.testing.assert_array_equal(among.pictures[0], picture(24, 7))
    assert len(np.unique(among.pictures, axis=0)) == 6
