"""What steps and noise cost around a plan: lines of equal epsilon, and the plan as a point."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure as PrintFigure
from scipy.interpolate import PchipInterpolator

from workbench.accounting.guarantee import round_up
from workbench.accounting.planner import Plan
from workbench.accounting.planner_map import EpsilonMap
from workbench.figures.theme import MAP_COLOURS, PALETTE, make_figure, make_print_figure

LEVELS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Epsilons that lines are drawn at, each twice the one before."""

_LEAST: Final = 1e-6
"""Epsilon 0 has no place on a log scale."""

_STEPS: Final = "steps (log scale)"
_NOISE: Final = "noise multiplier (log scale)"


class PlannerNumbers(NamedTuple):
    """Lines of equal epsilon, and the plan.

    Attributes:
        surface: epsilon all around.
        lines: for each of :data:`LEVELS` that is met the steps, and the noise multiplier that
            keeps so many steps within it.
        plan: the point; ``None`` while the lines are those of another sample rate.
        unit: what is protected.
    """

    surface: EpsilonMap
    lines: dict[float, tuple[list[int], list[float]]]
    plan: Plan | None
    unit: str


def planner_numbers(
    surface: EpsilonMap, plan: Plan | None, *, unit: str = "patient"
) -> PlannerNumbers:
    """Find the lines: along each column of steps epsilon falls as noise grows."""
    lines = {}
    for level in LEVELS:
        points = [
            (int(count), noise)
            for count, column in zip(surface.steps, surface.epsilons.T, strict=True)
            if (noise := _noise_at(level, surface.noises, column)) is not None
        ]
        if len(points) > 1:
            lines[level] = [count for count, _ in points], [noise for _, noise in points]
    return PlannerNumbers(surface, lines, plan, unit)


def draw_planner(numbers: PlannerNumbers | None, *, height: int = 360) -> go.Figure:
    """Bands of colour with lines between them; darker means less epsilon. Empty without numbers."""
    title = "" if numbers is None else heading(numbers)
    figure = make_figure(x_title=_STEPS, y_title=_NOISE, height=height, title_text=title)
    if numbers is not None:
        figure.add_trace(_bands(numbers.surface))
        for level in LEVELS:
            figure.add_trace(_line(level, *numbers.lines.get(level, ([], []))))
        figure.add_trace(_point(numbers.plan))
        surface = numbers.surface
        figure.update_xaxes(range=np.log10(surface.steps[[0, -1]]).tolist())
        octaves = _octaves(surface.noises)
        figure.update_yaxes(
            range=np.log10(surface.noises[[0, -1]]).tolist(),
            tickvals=octaves,
            ticktext=[f"{noise:g}" for noise in octaves],
        )
    figure.update_xaxes(type="log", dtick=1, tickformat=",")
    figure.update_yaxes(type="log")
    figure.update_layout(hovermode="closest", margin={"t": 36}, showlegend=False)
    return figure


def print_planner(numbers: PlannerNumbers) -> PrintFigure:
    """The same for print."""
    figure, axes = make_print_figure(x_title=_STEPS, y_title=_NOISE, inches=(6.0, 4.0))
    for level, (steps, noises) in numbers.lines.items():
        axes.plot(steps, noises, color=PALETTE["blue"], linewidth=1.2)
        middle = len(steps) // 2
        axes.annotate(f"ε = {level:g}", (steps[middle], noises[middle]), fontsize=8)
    plan = numbers.plan
    if plan is not None:
        axes.plot([plan.steps], [plan.noise_multiplier], "D", color=PALETTE["vermillion"])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(heading(numbers), fontsize=9)
    return figure


def heading(numbers: PlannerNumbers) -> str:
    """What the lines are of, and what they hold for."""
    surface = numbers.surface
    point = "" if numbers.plan is None else "; the point is the plan"
    return (
        f"epsilon per {numbers.unit} at sample rate {surface.sample_rate:.3g} and delta "
        f"{surface.delta:g}{point}"
    )


def _octaves(noises: np.ndarray) -> list[float]:
    """The powers of two between the ends."""
    low, high = np.log2(noises[[0, -1]])
    return [2.0**power for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]


def _noise_at(level: float, noises: np.ndarray, column: np.ndarray) -> float | None:
    """Where a column comes down to a level; interpolated on logarithms."""
    shown = column > _LEAST
    falling, places = np.log(column[shown])[::-1], np.log(noises[shown])[::-1]
    falling, first = np.unique(falling, return_index=True)
    wanted = math.log(level)
    if len(falling) < 2 or not falling[0] <= wanted <= falling[-1]:
        return None
    return math.exp(float(PchipInterpolator(falling, places[first])(wanted)))


def _bands(surface: EpsilonMap) -> go.Contour:
    return go.Contour(
        x=surface.steps,
        y=surface.noises,
        z=np.log2(np.maximum(surface.epsilons, _LEAST)),
        customdata=surface.epsilons,
        colorscale=MAP_COLOURS,
        opacity=0.35,
        showscale=False,
        contours={"start": -3, "end": 8, "size": 1, "showlines": False},
        line={"width": 0},
        name="epsilon",
        hovertemplate=(
            "%{x:,} steps, noise multiplier %{y:.3g}: epsilon %{customdata:.3g}<extra></extra>"
        ),
    )


def _line(level: float, steps: list[int], noises: list[float]) -> go.Scatter:
    words = [""] * len(steps)
    if words:
        words[len(words) // 2] = f"ε = {level:g}"
    return go.Scatter(
        x=steps,
        y=noises,
        text=words,
        mode="lines+text",
        textposition="top left",
        name=f"epsilon {level:g}",
        line={"color": PALETTE["blue"], "width": 1.5, "shape": "spline"},
        hoverinfo="skip",
    )


def _point(plan: Plan | None) -> go.Scatter:
    at = [plan] if plan is not None else []
    return go.Scatter(
        x=[one.steps for one in at],
        y=[one.noise_multiplier for one in at],
        text=[round_up(one.epsilon) for one in at],
        mode="markers",
        name="the plan",
        marker={
            "color": PALETTE["vermillion"],
            "size": 13,
            "symbol": "diamond",
            "line": {"color": "white", "width": 2},
        },
        hovertemplate=(
            "the plan: %{x:,} steps, noise multiplier %{y:.4g}, epsilon %{text}<extra></extra>"
        ),
    )
