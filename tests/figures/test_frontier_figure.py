"""The frontier: which runs make a curve, how sure an interval is, and what stands on the axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from workbench.accounting.attacker import Odds, odds_of_promise
from workbench.exploring.baselines import Baseline
from workbench.exploring.events import Explored
from workbench.exploring.scores import ALL_METRICS
from workbench.figures.attacker import attacker_numbers, percent
from workbench.figures.epsilon_axis import epsilon_axis
from workbench.figures.frontier import axis_of, draw_frontier, frontier_numbers
from workbench.figures.frontier_curves import BOUNDS, MOST_CURVES

HALF = Odds(0.6, 0.05, 0.004)


def one(epsilon: float, seed: int, score: float, **other: Any) -> Explored:
    settings = {"run": f"r{epsilon:g}-{seed}-{score:g}", "score_name": "dice"} | other
    return Explored(
        epsilon=epsilon, seed=seed, score=score, noise_multiplier=1.0, guarantee="", **settings
    )


def trace(figure: go.Figure, start: str) -> go.Scatter:
    return next(found for found in figure.data if found.name.startswith(start))


def test_every_run_is_kept_and_infinity_is_set_apart() -> None:
    runs = [one(8, 0, 0.7), one(1, 1, 0.4), one(1, 0, 0.2), one(math.inf, 0, 0.9)]
    numbers = frontier_numbers(runs, name="liver")
    [curve] = numbers.curves
    assert curve.name == "liver"
    assert numbers.epsilons == [1, 8]
    assert [place.spread.median for place in curve.places] == [pytest.approx(0.3), 0.7]
    assert [point.seed for point in curve.places[0].points] == [0, 1]
    assert curve.without is not None
    assert curve.without.spread.median == 0.9


def test_infinity_is_a_place_at_the_right_end_behind_a_break() -> None:
    runs = [one(1, 0, 0.4), one(8, 0, 0.7), one(math.inf, 0, 0.9)]
    figure = draw_frontier(frontier_numbers(runs))
    places = axis_of(figure)
    assert list(places) == ["1", "8", "∞"]
    assert places["8"] == pytest.approx(math.log10(8))
    assert places["∞"] > places["8"] - places["1"]
    assert places["∞"] < figure.layout.xaxis.range[1]
    shapes = [shape for shape in figure.layout.shapes if shape.y0 != shape.y1]
    assert len(shapes) == 2  # the strokes of the break
    assert all(places["8"] < shape.x0 < places["∞"] for shape in shapes)


def test_a_point_says_which_run_it_is() -> None:
    runs = [one(2, seed, 0.5 + seed / 10) for seed in range(3)]
    points = trace(draw_frontier(frontier_numbers(runs)), "one training")
    assert list(points.customdata) == [run.run for run in runs]
    assert list(points.y) == pytest.approx([0.5, 0.6, 0.7])


def test_the_chosen_run_is_marked() -> None:
    runs = [one(2, seed, 0.5 + seed / 10) for seed in range(2)]
    points = trace(draw_frontier(frontier_numbers(runs), chosen=runs[1].run), "one training")
    assert points.marker.size[1] > points.marker.size[0]


@pytest.mark.parametrize(
    ("seeds", "words"), [(1, "one seed"), (2, "range of 2 seeds"), (3, "95 % t interval, 3 seeds")]
)
def test_the_figure_says_what_its_bars_are(seeds: int, words: str) -> None:
    runs = [one(2, seed, 0.5 + seed / 10) for seed in range(seeds)]
    figure = draw_frontier(frontier_numbers(runs, name="liver"))
    assert any(note.text == f"bars: {words}" for note in figure.layout.annotations)
    assert any(words in (found.text or [""])[0] for found in figure.data if found.name == "liver")


def test_each_combination_of_settings_is_a_curve_and_shares_what_has_no_privacy() -> None:
    runs = [
        one(8, 0, 0.5, choices={"max_grad_norm": 0.1, "model": "unet"}),
        one(8, 0, 0.6, choices={"max_grad_norm": 1.0, "model": "unet"}),
        one(8, 0, 0.7, choices={"max_grad_norm": 1.0, "model": "mlp"}),
        one(math.inf, 0, 0.9, choices={"max_grad_norm": None, "model": "unet"}),
    ]
    curves = {curve.name: curve for curve in frontier_numbers(runs).curves}
    assert sorted(curves) == [
        "max grad norm 0.1, model unet", "max grad norm 1, model mlp",
        "max grad norm 1, model unet",
    ]  # fmt: skip
    assert curves["max grad norm 1, model mlp"].without is None
    without = [curves[name].without for name in curves if name.endswith("unet")]
    assert [place.points[0].score for place in without if place] == [0.9, 0.9]


def test_curves_differ_in_colour_and_marker() -> None:
    others = {f"study {at}": [one(8, 0, at / 10)] for at in range(4)}
    figure = draw_frontier(frontier_numbers([], others=others))
    lines = [found for found in figure.data if found.showlegend and found.mode == "lines+markers"]
    looks = {(found.line.color, found.marker.symbol) for found in lines}
    assert len(looks) == len({colour for colour, _ in looks}) == 4


def test_points_of_a_wide_search_have_no_line() -> None:
    rates = np.linspace(1e-3, 1e-2, MOST_CURVES + 1)
    runs = [one(8, 0, 0.5, choices={"learning_rate": float(rate)}, run=f"{rate}") for rate in rates]
    numbers = frontier_numbers(runs)
    [curve] = numbers.curves
    assert curve.name == f"{MOST_CURVES + 1} settings"
    points = trace(draw_frontier(numbers), "one training")
    assert len(points.x) == len(runs)
    assert "learning rate 0.001" in points.text[0]


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_every_metric_has_its_axis_with_direction(metric: str) -> None:
    lower = metric in ("hausdorff95", "ece")
    runs = [one(8, 0, 0.5, scores={metric: 0.2}), one(3, 0, 0.5)]
    numbers = frontier_numbers(runs, metric)
    if metric != "dice":
        assert numbers.scores == [0.2]  # the other run was not measured by it
    figure = draw_frontier(numbers)
    assert ("lower" if lower else "higher") + " is better" in figure.layout.yaxis.title.text
    low, high = figure.layout.yaxis.range
    assert low <= BOUNDS[metric][0] or low < 0.2
    assert high > 0.2


def test_a_score_that_is_no_number_is_left_out() -> None:
    assert frontier_numbers([one(8, 0, math.nan)]).curves == ()


def test_what_needs_no_network_runs_through_the_drawing_and_is_in_range() -> None:
    low = Baseline("predict the mean mask", 0.31, "so")
    numbers = frontier_numbers([one(8, 0, 0.8)], baselines=[low])
    figure = draw_frontier(numbers)
    assert list(trace(figure, "predict").y) == [0.31, 0.31]
    assert figure.layout.yaxis.range[0] < 0.31
    assert any(note.text == "predict the mean mask: 0.31" for note in figure.layout.annotations)


def test_the_band_without_privacy_is_its_interval() -> None:
    runs = [one(math.inf, seed, score) for seed, score in enumerate([0.8, 0.9])]
    band = trace(draw_frontier(frontier_numbers(runs, name="a")), "a without privacy")
    assert set(band.y) == {0.8, 0.9}


def test_the_attacker_stands_beneath_on_the_same_axis_up_to_certainty_at_infinity() -> None:
    attacker = attacker_numbers({8.0: CERTAINLY, 1.0: HALF}, delta=1e-3, unit="slice")
    figure = draw_frontier(frontier_numbers([one(1, 0, 0.3)]), attacker)
    accuracy = trace(figure, "member or not")
    assert accuracy.yaxis == "y2"
    assert accuracy.xaxis in (None, "x")
    assert list(accuracy.y) == pytest.approx([60, 80])
    assert list(accuracy.x) == pytest.approx([0, math.log10(8)])
    ends = [found for found in figure.data if found.yaxis == "y2" and found.mode == "markers"]
    assert [list(end.y) for end in ends] == [[100]] * 3
    assert all(list(end.x) == [axis_of(figure)["∞"]] for end in ends)
    assert "slice" in figure.layout.xaxis.title.text
    assert "0.001" in figure.layout.xaxis.title.text


CERTAINLY = Odds(0.8, 0.4, 0.2)


def test_the_hover_holds_the_mechanism_against_its_promise() -> None:
    attacker = attacker_numbers({1.0: HALF}, delta=1e-3, unit="patient")
    [text] = trace(draw_frontier(frontier_numbers([]), attacker), "member or not").text
    assert "at most 60 %" in text
    assert percent(odds_of_promise(1.0, 1e-3).accuracy) in text
    assert "(1, 0.001)-DP" in text


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.5, "50 %"), (0.6001, "60.1 %"), (0.00341, "0.35 %"), (1.0, "100 %"), (0.99999, "100 %")],
)
def test_bounds_are_rounded_up(share: float, words: str) -> None:
    assert percent(share) == words


def test_budgets_are_on_the_axis_before_anything_is_finished() -> None:
    figure = draw_frontier(
        frontier_numbers([]), attacker_numbers({}, delta=1e-3, unit="patient"), budgets=(1, 3)
    )
    assert list(axis_of(figure)) == ["1", "3", "∞"]
    full = draw_frontier(
        frontier_numbers([one(1, 0, 0.4), one(math.inf, 0, 0.9)]),
        attacker_numbers({1.0: HALF}, delta=1e-3, unit="patient"),
    )
    assert len(figure.data) == len(full.data)


def test_labels_of_crowded_budgets_do_not_run_into_each_other() -> None:
    figure = draw_frontier(frontier_numbers([]), budgets=np.geomspace(1, 10, 200))
    assert len(axis_of(figure)) < 25


def test_an_axis_for_one_budget_has_width_too() -> None:
    axis = epsilon_axis([3.0])
    assert axis.left < math.log10(3) < axis.right < axis.infinity < axis.end
