"""The gap over the number of patients, measured and carried on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.exploring.events import Explored
from workbench.exploring.patients_needed import PatientsNeeded, patients_needed
from workbench.figures.patients_needed import draw_needed, needed_numbers


@pytest.fixture(scope="module")
def found() -> PatientsNeeded:
    generator = np.random.default_rng(0)
    runs = [
        Explored(
            epsilon=epsilon, seed=seed, run="", score=0.9 - lost + 0.01 * generator.normal(),
            score_name="dice", noise_multiplier=1.0, guarantee="", choices={"patients": n},
        )
        for n in (50, 100, 200, 400)
        for epsilon, lost in ((3.0, 2 * n**-0.6), (math.inf, 0.0))
        for seed in range(3)
    ]  # fmt: skip
    return patients_needed(runs, epsilon=3.0, within=0.02)


def test_every_number_of_patients_has_its_mean_and_its_trainings(found: PatientsNeeded) -> None:
    numbers = needed_numbers(found)
    assert numbers.measured[0] == [50, 100, 200, 400]
    assert numbers.runs[0] == [n for n in (50, 100, 200, 400) for _ in range(3)]
    for n, mean in zip(*numbers.measured, strict=True):
        each = [gap for place, gap in zip(*numbers.runs, strict=True) if place == n]
        assert np.mean(each) == pytest.approx(mean)
    assert numbers.answer == (found.patients, found.low, found.high)


def test_the_law_is_dashed_beyond_the_largest_number_that_was_measured(
    found: PatientsNeeded,
) -> None:
    figure = draw_needed(needed_numbers(found))
    inside, beyond = (t for t in figure.data if t.name in ("power law", "extrapolated"))
    assert (inside.line.dash, beyond.line.dash) == ("solid", "dash")
    assert inside.x[-1] == beyond.x[0] >= 400
    assert beyond.x[-1] >= found.high
    gap_at_answer = np.interp(np.log(found.patients), np.log(beyond.x), np.log(beyond.y))
    assert math.exp(gap_at_answer) == pytest.approx(0.02, rel=0.01)


def test_the_band_encloses_the_law(found: PatientsNeeded) -> None:
    numbers = needed_numbers(found)
    assert all(
        low < gap < high
        for low, gap, high in zip(numbers.low, numbers.law[1], numbers.high, strict=True)
    )


def test_the_answer_stands_on_the_line_that_was_asked_for_with_its_interval(
    found: PatientsNeeded,
) -> None:
    answer = draw_needed(needed_numbers(found)).data[-1]
    assert (answer.x, answer.y) == ((found.patients,), (0.02,))
    assert answer.x[0] - answer.error_x.arrayminus[0] == found.low
    assert answer.x[0] + answer.error_x.array[0] == found.high


def test_without_an_answer_there_are_axes_alone() -> None:
    figure = draw_needed(None)
    assert len(figure.data) == 0
    assert figure.layout.xaxis.title.text == "patients trained on (log scale)"
