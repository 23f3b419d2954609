import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.imaging.hounsfield import ABDOMEN, Window
from workbench.panels.parts.ct_view import CtView
from workbench.panels.parts.picture_row import PictureRow

RNG = np.random.default_rng(0)
SLICE = RNG.uniform(size=(64, 48)).astype(np.float32)


def test_a_slice_travels_as_one_byte_per_pixel() -> None:
    view = CtView()
    view.show(SLICE, caption="slice 3")
    assert (view.rows, view.columns, len(view.before)) == (64, 48, 64 * 48)
    assert np.frombuffer(view.before, np.uint8)[0] == round(SLICE[0, 0] * 255)
    assert view.caption == "slice 3"


def test_what_is_not_given_stays() -> None:
    view = CtView()
    view.show(SLICE, before_caption="original")
    view.show(after=SLICE / 2)
    assert view.before
    assert view.after
    assert view.before_caption == "original"


def test_pictures_of_two_sizes_cannot_be_compared() -> None:
    view = CtView()
    view.show(SLICE)
    with pytest.raises(BadInput, match="differ in size"):
        view.show(after=SLICE[:32])


def test_a_slice_of_another_size_drops_what_lay_over_the_old_one() -> None:
    view = CtView()
    view.show(SLICE)
    view.show_masks(SLICE > 0.5)
    view.show(SLICE[:32])
    assert view.masks == b""


def test_an_overlay_must_have_the_size_of_the_picture() -> None:
    view = CtView()
    view.show(SLICE)
    with pytest.raises(BadInput, match="32 x 48 pixels but the picture is 64 x 48"):
        view.show_attributions(SLICE[:32])


def test_overlays_are_named_and_can_be_taken_away() -> None:
    view = CtView()
    view.show(SLICE)
    view.show_masks(SLICE > 0.5, "predicted liver")
    view.show_outlines((SLICE > 0.5).astype(np.uint8))
    view.show_attributions(SLICE - 0.5)
    assert view.mask_name == "predicted liver"
    assert set(view.masks) == {0, 255}
    view.show_masks(None)
    assert view.masks == b""


def test_the_window_counts_in_hu_where_it_is_known() -> None:
    view = CtView()
    assert view.value_unit == "%"
    view.use_window(ABDOMEN)
    assert (view.value_low, view.value_high, view.value_unit) == (-160, 240, "HU")
    assert (view.level, view.span) == (40, 400)
    assert "liver" in [preset["name"] for preset in view.presets]


def test_presets_that_the_window_does_not_reach_are_not_offered() -> None:
    view = CtView()
    view.use_window(Window(-1350, -600))
    assert [preset["name"] for preset in view.presets] == ["whole range"]


def test_the_film_strip_grows_and_stays_small() -> None:
    view = CtView()
    for step in range(3):
        view.add_frame(RNG.uniform(size=(512, 512)), f"step {step}")
    assert (view.film_rows, view.film_columns) == (128, 128)
    assert len(view.film) == 3 * 128 * 128
    assert view.film_captions == ["step 0", "step 1", "step 2"]
    view.add_frame(SLICE, "another patient")
    assert view.film_captions == ["another patient"]


def test_clear_takes_every_picture_away() -> None:
    view = CtView()
    view.show(SLICE, SLICE)
    view.add_frame(SLICE, "a")
    view.chosen = 0
    view.clear()
    assert (view.before, view.after, view.film, view.chosen) == (b"", b"", b"", -1)
    view.show(SLICE[:32])


def test_everything_on_screen_is_state_that_a_reload_brings_back() -> None:
    view = CtView()
    view.show(SLICE, SLICE / 2)
    view.divider, view.chosen, view.overlay = 0.25, -1, "attribution"
    state = view.get_state()
    assert bytes(state["before"]) == view.before
    assert (state["divider"], state["overlay"]) == (0.25, "attribution")


def test_a_row_shows_pictures_with_titles_and_captions() -> None:
    row = PictureRow()
    row.show(np.stack([SLICE] * 3), ["a", "b", "c"], [["SSIM 0.9"], [], ["x", "y"]])
    row.show_masks(np.stack([SLICE > 0.5] * 3))
    assert (row.count, row.rows, row.columns) == (3, 64, 48)
    assert row.present == [True] * 3
    assert len(row.masks) == len(row.pictures) == 3 * 64 * 48


def test_a_row_is_filled_place_by_place() -> None:
    row = PictureRow()
    row.reserve(["no DP", "clipping only"], 64, 48)
    row.fill(1, SLICE, ["SSIM 0.9"])
    assert row.present == [False, True]
    assert row.captions == [[], ["SSIM 0.9"]]
    assert not any(row.pictures[: 64 * 48])
    assert row.pictures[64 * 48] == round(SLICE[0, 0] * 255)


@pytest.mark.parametrize(("place", "shape"), [(2, (64, 48)), (-1, (64, 48)), (0, (48, 64))])
def test_a_picture_that_does_not_fit_its_place_is_refused(
    place: int, shape: tuple[int, int]
) -> None:
    row = PictureRow()
    row.reserve(["a", "b"], 64, 48)
    with pytest.raises(BadInput, match="takes a picture of 64 x 48"):
        row.fill(place, np.zeros(shape))
