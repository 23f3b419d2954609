"""The marks of a frontier: points, medians with intervals, bands without privacy, baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from workbench.exploring.baselines import Baseline
from workbench.figures.epsilon_axis import EpsilonAxis
from workbench.figures.frontier_curves import Curve, Place, Point
from workbench.figures.theme import DASHES, MARKERS, PALETTE

COLOURS: Final = ("blue", "vermillion", "green", "orange")
"""Of the curves; the attacker beneath has the others."""

_MOST_BANDS: Final = 2
"""With more curves than this, bands over the whole width would hide each other."""

_BESIDE: Final = 0.016
"""How far right of its median a point stands, in widths of the axis."""


def utility_traces(
    curves: Sequence[Curve], baselines: Sequence[Baseline], axis: EpsilonAxis, chosen: str
) -> list[go.Scatter]:
    """Baselines, then bands, then for each curve its medians and its points."""
    traces = [_baseline(one, axis) for one in baselines]
    shown = curves or [Curve("", (), None)]
    for at, curve in enumerate(shown):
        if len(shown) <= _MOST_BANDS:
            traces.append(_band(curve, at, axis))
    for at, curve in enumerate(shown):
        shift = (at - (len(shown) - 1) / 2) * 2.2 * _BESIDE * (axis.end - axis.left)
        traces += _curve(curve, at, axis, shift, chosen)
    return traces


def notes(
    curves: Sequence[Curve], baselines: Sequence[Baseline], axis: EpsilonAxis, *, at_top: bool
) -> list[dict[str, Any]]:
    """Words at the lines that run through the whole drawing, and what the bars are.

    Args:
        curves: that are drawn.
        baselines: that are drawn.
        axis: of epsilon.
        at_top: whether the points at large epsilons, being the better ones, lie low.
    """
    said = [(one.value, f"{one.name}: {one.value:.2f}") for one in baselines]
    if len(curves) <= _MOST_BANDS:
        said += [(c.without.spread.median, "without privacy") for c in curves[:1] if c.without]
    return [
        {
            "x": axis.left, "y": value, "text": words, "showarrow": False, "font": {"size": 11},
            "xanchor": "left", "yanchor": "bottom", "xshift": 2,
        }
        for value, words in said
    ] + _what_bars_are(curves, at_top)  # fmt: skip


def _what_bars_are(curves: Sequence[Curve], at_top: bool) -> list[dict[str, Any]]:
    """What the intervals are, in the corner where few points are."""
    kinds = dict.fromkeys(curve.interval for curve in curves if curve.lined)
    if not kinds:
        return []
    return [
        {
            "x": 1, "y": 1 if at_top else 0, "text": f"bars: {'; '.join(kinds)}",
            "showarrow": False, "xref": "paper", "yref": "y domain", "xanchor": "right",
            "yanchor": "top" if at_top else "bottom", "font": {"size": 11},
        }
    ]  # fmt: skip


def look(at: int) -> dict[str, Any]:
    """Colour, marker and dash of the ``at``-th curve; after four, dash and marker tell apart."""
    colour = PALETTE[COLOURS[at % len(COLOURS)]]
    return {"colour": colour, "symbol": MARKERS[at % len(MARKERS)], "dash": DASHES[at // 4]}


def _baseline(baseline: Baseline, axis: EpsilonAxis) -> go.Scatter:
    return go.Scatter(
        x=[axis.left, axis.end],
        y=[baseline.value] * 2,
        mode="lines",
        name=baseline.name,
        line={"color": PALETTE["grey"], "dash": "dot", "width": 1.5},
        hovertemplate=f"{baseline.name}: %{{y:.3f}}<br>{baseline.words}<extra></extra>",
        showlegend=False,
    )


def _band(curve: Curve, at: int, axis: EpsilonAxis) -> go.Scatter:
    """What the same recipe reaches without privacy, through the whole drawing."""
    place = curve.without
    spread = None if place is None else place.spread
    colour = PALETTE[COLOURS[at % len(COLOURS)]]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return go.Scatter(
        x=[axis.left, axis.end, axis.end, axis.left],
        y=[spread.high, spread.high, spread.low, spread.low] if spread else [],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.13)",
        mode="lines",
        line={"width": 0},
        name=f"{curve.name} without privacy",
        hoverinfo="skip",
        showlegend=False,
    )


def _curve(curve: Curve, at: int, axis: EpsilonAxis, shift: float, chosen: str) -> list[go.Scatter]:
    places = [*curve.places, *([curve.without] if curve.without else [])]
    mine = look(at)
    return [
        _medians(curve, list(curve.places), mine, axis, shift, first=True),
        _medians(curve, places[len(curve.places) :], mine, axis, shift, first=False),
        _points(curve, places, mine, axis, shift, chosen),
    ]


def _medians(
    curve: Curve, places: list[Place], mine: dict[str, Any], axis: EpsilonAxis, shift: float,
    *, first: bool,
) -> go.Scatter:  # fmt: skip
    """The line through the budgets; infinity, behind the break, stands alone."""
    drawn = places if curve.lined else []
    spreads = [place.spread for place in drawn]
    return go.Scatter(
        x=[axis.place(place.epsilon) + shift for place in drawn],
        y=[one.median for one in spreads],
        text=[_said(place) for place in drawn],
        mode="lines+markers",
        name=curve.name or "median",
        legendgroup=curve.name,
        showlegend=first and bool(drawn),
        line={"color": mine["colour"], "dash": mine["dash"], "width": 2.5},
        marker={"color": mine["colour"], "symbol": mine["symbol"], "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.median for one in spreads],
            "arrayminus": [one.median - one.low for one in spreads],
            "color": mine["colour"],
            "thickness": 1.5,
            "width": 5,
        },
        hovertemplate="%{text}<extra></extra>",
    )


def _points(
    curve: Curve, places: list[Place], mine: dict[str, Any], axis: EpsilonAxis, shift: float,
    chosen: str,
) -> go.Scatter:  # fmt: skip
    each = [(place, point) for place in places for point in place.points]
    beside = shift + (_BESIDE * (axis.end - axis.left) if curve.lined else 0)
    marked = [point.run == chosen for _, point in each]
    return go.Scatter(
        x=[axis.place(place.epsilon) + beside for place, _ in each],
        y=[point.score for _, point in each],
        customdata=[point.run for _, point in each],
        text=[_told(place, point) for place, point in each],
        mode="markers",
        name="one training; click to open it",
        legendgroup=curve.name,
        showlegend=not curve.lined,
        marker={
            "color": mine["colour"],
            "symbol": "circle-open",
            "size": [16 if is_it else 8 for is_it in marked],
            "line": {"width": [3 if is_it else 1.7 for is_it in marked]},
        },
        hovertemplate="%{text}<extra></extra>",
    )


def _said(place: Place) -> str:
    one = place.spread
    budget = f"ε = {place.epsilon:g}".replace("inf", "∞")
    return f"{budget}: median {one.median:.3f}<br>{one.words}: {one.low:.3f} to {one.high:.3f}"


def _told(place: Place, point: Point) -> str:
    budget = f"ε = {place.epsilon:.3g}".replace("inf", "∞")
    words = f"<br>{point.words}" if point.words else ""
    return f"{budget}, seed {point.seed}: {point.score:.3f}{words}<br>click to open this training"
