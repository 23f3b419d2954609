"""What privacy takes over the number of patients, measured and carried on by a power law."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import plotly.graph_objects as go

from workbench.exploring.scores import LOWER_IS_BETTER
from workbench.figures.theme import PALETTE, make_figure
from workbench.figures.training_curves import SCORE_TITLES

if TYPE_CHECKING:
    from workbench.exploring.patients_needed import PatientsNeeded

_PLACES: Final = 60
_FURTHEST: Final = 1000
"""The drawing ends at so many times the largest number measured, wherever the interval ends."""

_MANY_DECADES: Final = 5
_BAND: Final = "rgba(0,114,178,0.15)"


class NeededNumbers(NamedTuple):
    """The gap over the number of patients.

    Attributes:
        metric: that scores are compared by.
        epsilon: of the private runs.
        within: gap that is asked for.
        measured: numbers of patients and mean gaps.
        runs: the same of each private run against the mean without privacy; gaps of 0 and below
            have no place on a logarithmic axis and are left out.
        law: places and gaps by the law.
        low, high: at these places, between which 95 % of the drawn laws lie.
        answer: patients needed, and the two ends of the interval.
    """

    metric: str
    epsilon: float
    within: float
    measured: tuple[list[int], list[float]]
    runs: tuple[list[int], list[float]]
    law: tuple[list[float], list[float]]
    low: list[float]
    high: list[float]
    answer: tuple[int, int, int]


def needed_numbers(found: PatientsNeeded) -> NeededNumbers:
    """Places from half the smallest number measured to somewhat beyond the answer."""
    smallest, largest = found.sizes[0].patients, found.sizes[-1].patients
    end = min(2.0 * max(largest, found.high), float(_FURTHEST * largest))
    places = np.geomspace(smallest / 2, end, _PLACES)
    low, high = found.band(places)
    sign = 1 if found.metric in LOWER_IS_BETTER else -1
    each = [
        (size.patients, sign * (score - float(np.mean(size.without))))
        for size in found.sizes
        for score in size.private
    ]
    above = [(patients, gap) for patients, gap in each if gap > 0]
    return NeededNumbers(
        metric=found.metric,
        epsilon=found.epsilon,
        within=found.within,
        measured=([s.patients for s in found.sizes], [s.gap for s in found.sizes]),
        runs=([patients for patients, _ in above], [gap for _, gap in above]),
        law=(places.tolist(), found.law(places).tolist()),
        low=low.tolist(),
        high=high.tolist(),
        answer=(found.patients, found.low, found.high),
    )


def draw_needed(numbers: NeededNumbers | None, *, height: int = 300) -> go.Figure:
    """Measured gaps, the law through them, dashed where nothing was measured; both axes log."""
    if numbers is None:
        return make_figure(
            x_title="patients trained on (log scale)", y_title="lost to privacy", height=height
        )
    title = SCORE_TITLES.get(numbers.metric, numbers.metric)
    figure = make_figure(
        x_title="patients trained on (log scale)",
        y_title=f"{title}<br>lost to privacy at ε = {numbers.epsilon:g}",
        height=height,
    )
    figure.add_traces([_band(numbers), *_law(numbers), *_measured(numbers), *_answer(numbers)])
    figure.update_xaxes(type="log", **_round_ticks(*numbers.law[0][:: len(numbers.law[0]) - 1]))
    low, high = _range(numbers)
    figure.update_yaxes(type="log", range=[low, high], **_round_ticks(10**low, 10**high))
    figure.update_layout(
        hovermode="closest", margin={"l": 72}, legend={"font": {"size": 11}, "entrywidth": 0}
    )
    return figure


def _round_ticks(low: float, high: float) -> dict[str, list[float] | list[str]]:
    """Labels at 1, 2 and 5 of every decade; at its beginning alone where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= _MANY_DECADES else (1,)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return {"tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}


def _range(numbers: NeededNumbers) -> list[float]:
    """From below the gap that is asked for to above all that was measured, in decades."""
    shown = [*numbers.measured[1], *numbers.runs[1], numbers.within]
    return [float(np.log10(min(shown))) - 0.3, float(np.log10(max(shown))) + 0.2]


def _band(numbers: NeededNumbers) -> go.Scatter:
    places = numbers.law[0]
    return go.Scatter(
        x=[*places, *reversed(places)],
        y=[*numbers.high, *reversed(numbers.low)],
        fill="toself",
        fillcolor=_BAND,
        mode="lines",
        line={"width": 0},
        name="95 % interval",
        hoverinfo="skip",
    )


def _law(numbers: NeededNumbers) -> list[go.Scatter]:
    places, gaps = (np.array(values) for values in numbers.law)
    last = numbers.measured[0][-1]
    # One place belongs to both pieces, so that no gap lies between them.
    inside = int(np.searchsorted(places, last))
    pieces = [
        ("power law", slice(0, inside + 1), "solid"),
        ("extrapolated", slice(inside, None), "dash"),
    ]
    return [
        go.Scatter(
            x=places[part].tolist(),
            y=gaps[part].tolist(),
            mode="lines",
            name=name,
            line={"color": PALETTE["blue"], "dash": dash, "width": 2.5},
            hovertemplate=f"{name}: %{{x:,.0f}} patients, %{{y:.3g}}<extra></extra>",
        )
        for name, part, dash in pieces
    ]


def _measured(numbers: NeededNumbers) -> list[go.Scatter]:
    return [
        go.Scatter(
            x=numbers.runs[0],
            y=numbers.runs[1],
            mode="markers",
            name="one training",
            marker={"color": PALETTE["blue"], "symbol": "circle-open", "size": 7},
            hovertemplate="one training with %{x:,} patients: %{y:.3g}<extra></extra>",
        ),
        go.Scatter(
            x=numbers.measured[0],
            y=numbers.measured[1],
            mode="markers",
            name="measured mean",
            marker={"color": PALETTE["vermillion"], "symbol": "diamond", "size": 10},
            hovertemplate="mean with %{x:,} patients: %{y:.3g}<extra></extra>",
        ),
    ]


def _answer(numbers: NeededNumbers) -> list[go.Scatter]:
    patients, low, high = numbers.answer
    places = numbers.law[0]
    return [
        go.Scatter(
            x=[places[0], places[-1]],
            y=[numbers.within] * 2,
            mode="lines",
            name=f"asked for: {numbers.within:g}",
            line={"color": PALETTE["grey"], "dash": "dot", "width": 1.5},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=[patients],
            y=[numbers.within],
            mode="markers",
            name="patients needed",
            marker={"color": PALETTE["orange"], "symbol": "square", "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - patients],
                "arrayminus": [patients - low],
                "color": PALETTE["orange"],
                "thickness": 2,
            },
            hovertemplate=f"{patients:,} patients ({low:,} to {high:,})<extra></extra>",
        ),
    ]
