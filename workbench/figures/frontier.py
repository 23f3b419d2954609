"""What privacy costs and what it buys: utility over epsilon, the attacker's odds beneath."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from workbench.exploring.baselines import Baseline
from workbench.exploring.events import Explored
from workbench.exploring.scores import LOWER_IS_BETTER
from workbench.figures.attacker import AttackerNumbers, attacker_traces
from workbench.figures.epsilon_axis import EpsilonAxis, epsilon_axis, put_epsilon_axis
from workbench.figures.frontier_curves import BOUNDS, Curve, curves_of
from workbench.figures.frontier_traces import notes, utility_traces
from workbench.figures.theme import make_figure
from workbench.figures.training_curves import SCORE_TITLES

NO_ATTACKER: Final = AttackerNumbers({}, 1e-3, "patient")

_UPPER: Final = (0.42, 1.0)
_LOWER: Final = (0.0, 0.29)
"""The two drawings one above the other, in shares of the height."""


_FOOT: Final = 0.09
"""Room for a line of words beneath all points, over the height."""


class FrontierNumbers(NamedTuple):
    """Utility over epsilon.

    Attributes:
        metric: what is drawn.
        curves: one for each recipe, or combination of settings.
        baselines: what needs no network.
    """

    metric: str
    curves: tuple[Curve, ...]
    baselines: tuple[Baseline, ...] = ()

    @property
    def epsilons(self) -> list[float]:
        """All finite budgets, in order."""
        return sorted({place.epsilon for curve in self.curves for place in curve.places})

    @property
    def scores(self) -> list[float]:
        """Every score that is drawn."""
        every = [place for curve in self.curves for place in (*curve.places, curve.without)]
        return [point.score for place in every if place for point in place.points]


def frontier_numbers(
    explored: Iterable[Explored],
    metric: str | None = None,
    *,
    name: str = "",
    others: Mapping[str, Iterable[Explored]] | None = None,
    baselines: Sequence[Baseline] = (),
) -> FrontierNumbers:
    """Group the finished runs of a study, and of those shown beside it, by recipe and budget.

    Args:
        explored: finished runs of the study.
        metric: to draw; ``None`` takes the study's own. Runs that lack it are left out.
        name: of the study.
        others: by name the runs of other studies on the same data.
        baselines: of this metric.
    """
    runs = list(explored)
    chosen = metric or (runs[0].score_name if runs else "dice")
    curves = curves_of(runs, chosen, name)
    for title, found in (others or {}).items():
        curves += curves_of(found, chosen, title)
    return FrontierNumbers(chosen, tuple(curves), tuple(baselines))


def draw_frontier(
    numbers: FrontierNumbers,
    attacker: AttackerNumbers | None = None,
    *,
    budgets: Iterable[float] = (),
    chosen: str = "",
    height: int = 480,
) -> go.Figure:
    """Every training a point, medians with intervals; below it the same axis for the attacker.

    Args:
        numbers: as from :func:`frontier_numbers`.
        attacker: the odds to draw beneath; ``None`` draws utility alone.
        budgets: that the axis shows although nothing is finished there yet.
        chosen: the run whose point is marked.
        height: pixels.
    """
    axis = epsilon_axis([*budgets, *numbers.epsilons, *(attacker.odds if attacker else ())])
    figure = make_figure(
        x_title=_x_title(attacker), y_title=_y_title(numbers.metric), height=height
    )
    figure.add_traces(utility_traces(numbers.curves, numbers.baselines, axis, chosen))
    figure.update_yaxes(range=_range(numbers))
    if attacker is not None:
        _put_attacker(figure, attacker, axis)
    put_epsilon_axis(figure, axis)
    figure.update_layout(
        annotations=notes(
            numbers.curves, numbers.baselines, axis, at_top=numbers.metric in LOWER_IS_BETTER
        ),
        hovermode="closest",
        legend={"font": {"size": 11}, "entrywidth": 0},
        margin={"l": 60, "r": 12, "t": 30, "b": 44},
    )
    return figure


def _put_attacker(figure: go.Figure, attacker: AttackerNumbers, axis: EpsilonAxis) -> None:
    figure.add_traces(attacker_traces(attacker, axis))
    legend = {"orientation": "h", "x": 0, "y": _LOWER[1] + 0.005, "yanchor": "bottom"}
    figure.update_layout(
        xaxis={"anchor": "y2"},
        yaxis={"domain": _UPPER},
        yaxis2={
            "domain": _LOWER,
            "title": {"text": "attacker is<br>right (%)"},
            "range": [0, 104],
            "dtick": 50,
        },
        legend2={**legend, "font": {"size": 10.5}, "entrywidth": 0},
    )


def _x_title(attacker: AttackerNumbers | None) -> str:
    if attacker is None:
        return "ε (log scale; left is more private)"
    return f"ε per {attacker.unit} at δ = {attacker.delta:g} (log scale; left is more private)"


def _y_title(metric: str) -> str:
    title = SCORE_TITLES.get(metric, metric)
    return f"{title}<br>{'lower' if metric in LOWER_IS_BETTER else 'higher'} is better"


def _range(numbers: FrontierNumbers) -> list[float]:
    """From the lowest to the highest that is drawn, at round values, with the perfect score."""
    least, most = BOUNDS[numbers.metric]
    shown = [*numbers.scores, *(one.value for one in numbers.baselines)]
    for curve in numbers.curves:
        for place in filter(None, [*curve.places, curve.without]):
            shown += [place.spread.low, place.spread.high]
    if numbers.metric in LOWER_IS_BETTER:
        highest = max(shown, default=1.0)
        step = 10.0 ** math.floor(math.log10(max(highest, 1e-3)))
        return [least, min(1.06 * math.ceil(2 * highest / step) * step / 2, most)]
    lowest = math.floor(10 * min(shown, default=least) - 0.2) / 10
    low = max(least, lowest)
    return [low - _FOOT * (most - low), most + 0.02]


def axis_of(figure: go.Figure) -> dict[str, Any]:
    """The x axis of a drawn frontier: places and labels of its ticks."""
    return dict(zip(figure.layout.xaxis.ticktext, figure.layout.xaxis.tickvals, strict=True))
