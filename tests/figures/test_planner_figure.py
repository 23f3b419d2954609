"""Lines of equal epsilon around a plan, drawn."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.accounting.planner import Wish
from workbench.accounting.planner_map import epsilon_map
from workbench.accounting.planner_solve import solve
from workbench.accounting.pld import REFINED, epsilon_for_drawing
from workbench.figures.planner import (
    LEVELS,
    PlannerNumbers,
    draw_planner,
    planner_numbers,
    print_planner,
)
from workbench.figures.theme import png


@pytest.fixture(scope="module")
def numbers() -> PlannerNumbers:
    wish = Wish(noise_multiplier=1.2, expected_batch=10, steps=300, units=200, delta=1e-3)
    plan = solve(wish, exact=False)
    return planner_numbers(epsilon_map(plan), plan)


def test_on_every_line_epsilon_is_what_the_line_says(numbers: PlannerNumbers) -> None:
    assert {1.0, 2.0, 4.0, 8.0} <= numbers.lines.keys() <= {*LEVELS}
    for level, (steps, noises) in numbers.lines.items():
        middle = len(steps) // 2
        epsilon = epsilon_for_drawing(
            noise_multiplier=noises[middle],
            sample_rate=0.05,
            steps=steps[middle],
            delta=1e-3,
            grid=REFINED,
        )
        assert epsilon == pytest.approx(level, rel=1e-2)
        assert noises == sorted(noises)  # more steps need more noise


def test_the_figure_has_log_axes_bands_lines_with_words_and_the_plan(
    numbers: PlannerNumbers,
) -> None:
    figure = draw_planner(numbers)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    bands, *lines, point = figure.data
    assert np.array(bands.z).shape == numbers.surface.epsilons.shape
    assert [line.name for line in lines] == [f"epsilon {level:g}" for level in LEVELS]
    four = lines[LEVELS.index(4.0)]
    assert list(four.y) == numbers.lines[4.0][1]
    assert "ε = 4" in four.text
    assert numbers.plan is not None
    assert list(point.x) == [300]
    assert list(point.y) == [1.2]
    assert "sample rate 0.05 and delta 0.001" in figure.layout.title.text


def test_without_a_plan_for_them_the_lines_stand_alone(numbers: PlannerNumbers) -> None:
    alone = draw_planner(planner_numbers(numbers.surface, None, unit="slice"))
    assert len(alone.data[-1].x) == 0
    assert "per slice" in alone.layout.title.text
    assert "the point" not in alone.layout.title.text
    assert len(draw_planner(None).data) == 0


def test_it_is_also_drawn_for_print(numbers: PlannerNumbers) -> None:
    figure = print_planner(numbers)
    (axes,) = figure.axes
    assert len(axes.get_lines()) == len(numbers.lines) + 1
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert png(figure).startswith(b"\x89PNG")
