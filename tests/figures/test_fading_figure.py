"""The same patients at every epsilon, side by side."""

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import AxesImage

from workbench.exploring.events import Explored
from workbench.exploring.shown import Shown
from workbench.figures.fading import FadingNumbers, budget_words, draw_fading, fading_numbers
from workbench.figures.theme import png

GENERATOR = np.random.default_rng(3)
IMAGES = GENERATOR.integers(0, 255, (3, 12, 12), dtype=np.uint8)
TRUTHS = np.zeros((3, 12, 12), np.uint8)
TRUTHS[:, 3:9, 3:9] = 1
REASONS = GENERATOR.integers(-127, 128, (3, 12, 12)).astype(np.int8)


def shown(epsilon: float, **changes: object) -> Shown:
    explored = Explored(
        epsilon=epsilon, seed=int(min(epsilon, 9)), run=f"run-{epsilon:g}", score=0.5,
        score_name="dice", noise_multiplier=1.0, guarantee="",
    )  # fmt: skip
    kept = {
        "images": IMAGES,
        "truths": TRUTHS,
        "predictions": TRUTHS * np.uint8(255),
        "attributions": REASONS,
        "classes": ("background", "liver"),
    }
    return Shown(explored=explored, **{**kept, **changes})  # type: ignore[arg-type]


def classified(chances: list[list[float]]) -> Shown:
    return shown(
        1.0, truths=np.array([0, 1, 1], np.uint8), predictions=np.array(chances, np.float32),
        classes=("normal", "pneumonia"),
    )  # fmt: skip


@pytest.fixture
def three() -> FadingNumbers:
    half = TRUTHS * np.uint8(255)
    half[:, :6] = 0
    runs = [
        shown(1.0, predictions=np.zeros_like(TRUTHS)),
        shown(3.0, predictions=half),
        shown(math.inf),
    ]
    return fading_numbers(runs)


def test_patients_are_rows_and_runs_are_columns(three: FadingNumbers) -> None:
    assert three.epsilons == (1.0, 3.0, math.inf)
    assert three.runs == ("run-1", "run-3", "run-inf")
    assert three.images.shape == (3, 3, 12, 12)
    assert three.masks is not None
    assert three.outlines is not None
    assert np.array_equal(three.masks[2, 2], 255 * TRUTHS[2])
    assert not three.masks[:, 0].any()
    assert np.array_equal(three.outlines[:, 1], TRUTHS > 0)
    assert (three.others, three.left_out) == ((), ())


def test_each_mask_has_its_dice_under_it(three: FadingNumbers) -> None:
    # Half of 36 pixels found: 2 x 18 / (36 + 18).
    assert three.words[1] == [["Dice 0.00"], ["Dice 0.67"], ["Dice 1.00"]]


def test_nothing_predicted_where_nothing_is_counts_as_right() -> None:
    empty = np.zeros_like(TRUTHS)
    assert fading_numbers([shown(1.0, truths=empty, predictions=empty)]).words[0] == [["Dice 1.00"]]


def test_a_classification_says_how_probable_the_truth_is() -> None:
    numbers = fading_numbers([classified([[0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])])
    assert numbers.masks is None
    assert numbers.outlines is None
    assert numbers.patients == ("patient 1, normal", "patient 2, pneumonia", "patient 3, pneumonia")
    assert [row[0] for row in numbers.words] == [["80 %"], ["30 %, wrong"], ["90 %"]]


def test_of_several_classes_the_preferred_one_is_named() -> None:
    three = classified([[0.2, 0.1, 0.7], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    named = replace(three, classes=("normal", "bacteria", "virus"))
    assert fading_numbers([named]).words[0][0] == ["20 %", "says virus"]


def test_another_patient_of_another_class_is_told_with_the_class() -> None:
    other = replace(classified([[0.1, 0.9]] * 3), truths=np.array([1, 1, 1], np.uint8))
    numbers = fading_numbers([other, classified([[0.8, 0.2]] * 3)])
    assert numbers.others == (0,)
    assert numbers.words[0][0] == ["pneumonia 90 %"]
    assert numbers.words[1][0] == ["90 %"]


@pytest.mark.parametrize("what", ["images", "truths"])
def test_runs_that_validated_on_others_are_named(what: str) -> None:
    changed = {"images": IMAGES, "truths": TRUTHS}[what].copy()
    changed[1, 5, 5] ^= 1
    numbers = fading_numbers([shown(1.0, **{what: changed}), shown(3.0), shown(math.inf)])
    assert numbers.others == (0,)
    assert np.array_equal(numbers.images[:, 0], changed) == (what == "images")


def test_slices_of_another_size_or_task_are_left_out() -> None:
    small = shown(1.0, images=IMAGES[:, :8, :8], truths=TRUTHS[:, :8, :8],
                  predictions=TRUTHS[:, :8, :8], attributions=None)  # fmt: skip
    few = shown(2.0, images=IMAGES[:2], truths=TRUTHS[:2], predictions=TRUTHS[:2])
    other = classified([[1.0, 0.0]] * 3)
    numbers = fading_numbers([small, few, other, shown(math.inf)])
    assert numbers.runs == ("run-inf",)
    assert numbers.left_out == ("run-1", "run-2", "run-1")


def test_reasons_are_shown_for_all_columns_or_for_none() -> None:
    assert fading_numbers([shown(1.0), shown(2.0)]).attributions is not None
    assert fading_numbers([shown(1.0, attributions=None), shown(2.0)]).attributions is None


def test_budgets_are_said_as_a_person_would() -> None:
    assert budget_words(3.0) == "ε = 3"
    assert budget_words(7.123456) == "ε = 7.123"
    assert budget_words(math.inf) == "ε = ∞"


def pixels(image: AxesImage) -> np.ndarray:
    return np.asarray(image.get_array())


def test_the_sheet_has_predictions_over_reasons(three: FadingNumbers) -> None:
    figure = draw_fading(three)
    assert len(figure.axes) == 2 * 3 * 3
    first, reasons = figure.axes[0], figure.axes[3]
    assert first.get_title() == "ε = 1\nseed 1"
    assert [text.get_text() for text in first.texts] == ["Dice 0.00", "patient 1"]
    assert [text.get_text() for text in reasons.texts] == ["its reasons"]
    grey, shade = first.images
    assert np.array_equal(pixels(grey), IMAGES[0])
    assert not pixels(shade)[..., 3].any()
    assert png(figure, dpi=40).startswith(b"\x89PNG")


def test_a_pixel_that_spoke_against_is_blue_and_one_that_spoke_for_it_orange() -> None:
    reasons = np.zeros_like(REASONS)
    reasons[0, 0, 0], reasons[0, 0, 1] = 127, -127
    numbers = fading_numbers([shown(1.0, attributions=reasons)])
    _, for_it, against = draw_fading(numbers).axes[1].images
    assert pixels(for_it)[0, 0, 3] > 0 == pixels(for_it)[0, 1, 3]
    assert pixels(against)[0, 1, 3] > 0 == pixels(against)[0, 0, 3]
    red, _, blue = pixels(for_it)[0, 0, :3]
    assert red > blue
    red, _, blue = pixels(against)[0, 1, :3]
    assert blue > red


def test_a_sheet_of_x_rays_has_one_row_for_each_patient() -> None:
    figure = draw_fading(fading_numbers([classified([[0.8, 0.2]] * 3)]))
    assert len(figure.axes) == 3
    assert len(figure.axes[0].images) == 3
