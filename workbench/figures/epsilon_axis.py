"""The axis of epsilon: logarithmic, and at its right end, behind a break, a place for infinity."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

_AROUND: Final = 0.16
"""Decades left of the lowest and right of the highest budget."""

_LEAST_WIDTH: Final = 1.0
"""Decades that are shown at least, however few budgets there are."""

_LINE: Final = "#9aa0a8"


class EpsilonAxis(NamedTuple):
    """Where epsilons stand, in decades: a budget of 10 stands at 1.

    Attributes:
        left: beginning of the axis.
        right: end of its logarithmic part.
        infinity: place of infinity.
        end: of the whole axis.
        ticks: finite budgets with a label of their own.
    """

    left: float
    right: float
    infinity: float
    end: float
    ticks: tuple[float, ...]

    def place(self, epsilon: float) -> float:
        """Where a budget stands; infinity stands at its place."""
        return self.infinity if math.isinf(epsilon) else math.log10(epsilon)


def epsilon_axis(epsilons: Iterable[float]) -> EpsilonAxis:
    """An axis for these budgets.

    Args:
        epsilons: > 0, in any order, infinity among them or not; none at all gives 1 to 10.
    """
    known = sorted({epsilon for epsilon in epsilons if math.isfinite(epsilon)})
    low, high = (math.log10(known[0]), math.log10(known[-1])) if known else (0.0, 1.0)
    missing = max(0.0, _LEAST_WIDTH - (high - low)) / 2
    left, right = low - missing - _AROUND, high + missing + _AROUND
    room = 0.11 * (right - left)
    return EpsilonAxis(left, right, right + 1.3 * room, right + 2 * room, tuple(known))


def put_epsilon_axis(figure: go.Figure, axis: EpsilonAxis) -> None:
    """Give a figure this axis: labels at the budgets, and a break in front of infinity.

    Args:
        figure: its traces stand at :meth:`EpsilonAxis.place`; all its subplots share the x axis.
        axis: as from :func:`epsilon_axis`.
    """
    ticks = _apart(axis)
    figure.update_xaxes(
        range=[axis.left, axis.end],
        tickvals=[*(math.log10(epsilon) for epsilon in ticks), axis.infinity],
        ticktext=[*(_said(epsilon) for epsilon in ticks), "∞"],
        showline=False,
        minor={"showgrid": False, "ticks": ""},
    )
    figure.layout.shapes = [*figure.layout.shapes, *_broken_line(axis)]


def _apart(axis: EpsilonAxis) -> list[float]:
    """The budgets whose labels do not run into each other; decades where there are very many."""
    least = (axis.end - axis.left) / 22
    kept: list[float] = []
    for epsilon in axis.ticks:
        if not kept or math.log10(epsilon) - math.log10(kept[-1]) >= least:
            kept.append(epsilon)
    return kept or [1.0, 10.0]


def _said(epsilon: float) -> str:
    return f"{epsilon:.3g}"


def _broken_line(axis: EpsilonAxis) -> list[dict[str, Any]]:
    """The line of the axis in two pieces, with two slanted strokes between them."""
    gap = 0.05 * (axis.end - axis.right)
    middle = axis.right + 2 * gap
    pieces = [(axis.left, middle - gap), (middle + gap, axis.end)]
    common = {
        "type": "line", "xref": "x", "yref": "paper", "line": {"color": _LINE, "width": 1.3},
    }  # fmt: skip
    lines = [{**common, "x0": x0, "x1": x1, "y0": 0, "y1": 0} for x0, x1 in pieces]
    strokes = [
        {**common, "x0": x - gap / 2, "x1": x + gap / 2, "y0": -0.018, "y1": 0.018}
        for x in (middle - gap, middle + gap)
    ]
    return [*lines, *strokes]
