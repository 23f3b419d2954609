"""Who pays for privacy: utility of each group of validation patients over epsilon."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from workbench.exploring.events import Explored
from workbench.exploring.scores import LOWER_IS_BETTER
from workbench.exploring.spread import Spread, spread
from workbench.figures.epsilon_axis import EpsilonAxis, epsilon_axis, put_epsilon_axis
from workbench.figures.frontier_curves import BOUNDS
from workbench.figures.frontier_traces import look
from workbench.figures.theme import PALETTE, make_figure
from workbench.figures.training_curves import SCORE_TITLES

FEW: Final = 10
"""Patients below which a group is too small to be judged."""

_MOST: Final = 8
_UPPER, _LOWER = (0.46, 1.0), (0.0, 0.36)
_BESIDE: Final = 0.014
"""How far neighbouring groups stand apart, in widths of the axis."""

_SENTENCE: Final = "no finished training has scores of groups by this metric"


class Group(NamedTuple):
    """One group of validation patients.

    Attributes:
        name: grouping and group, ``"cause: virus"``.
        patients: how many validate; the fewest of any run.
        scores: by epsilon, infinity without privacy.
        losses: by finite epsilon what privacy took: how much worse the score is than the median
            without privacy, which is positive where it took something. Empty without such runs.
    """

    name: str
    patients: int
    scores: dict[float, Spread]
    losses: dict[float, Spread]

    @property
    def few(self) -> bool:
        """Whether it is too small to be judged."""
        return self.patients < FEW


class GroupsNumbers(NamedTuple):
    """All groups of a study.

    Attributes:
        metric: what is drawn.
        groups: in the order of the trainings' results.
        left_out: smaller groups that are not drawn because there are too many.
    """

    metric: str
    groups: tuple[Group, ...]
    left_out: int = 0


def groups_numbers(explored: Iterable[Explored], metric: str | None = None) -> GroupsNumbers:
    """Scores of each group over the trainings of a study, whatever their other settings.

    Args:
        explored: finished runs; those without groups, or without this metric, are left out.
        metric: to draw; ``None`` takes the study's own.
    """
    runs = list(explored)
    chosen = metric or (runs[0].score_name if runs else "dice")
    names = dict.fromkeys(name for run in runs for name in run.groups)
    every = [_group(name, runs, chosen) for name in names]
    there = [group for group in every if group.scores]
    largest = sorted(there, key=lambda group: -group.patients)[:_MOST]
    kept = tuple(group for group in there if group in largest)
    return GroupsNumbers(chosen, kept, len(there) - len(kept))


def draw_groups(numbers: GroupsNumbers, *, height: int = 420) -> go.Figure:
    """Utility of each group above; below, on the same axis, what privacy took from it."""
    axis = epsilon_axis([eps for group in numbers.groups for eps in group.scores])
    figure = make_figure(
        x_title="ε (log scale; further left is more private, ∞ not at all)",
        y_title=_two_lines(numbers.metric),
        height=height,
    )
    middle = (len(numbers.groups) - 1) / 2
    for at, group in enumerate(numbers.groups):
        shift = (at - middle) * _BESIDE * (axis.end - axis.left)
        figure.add_traces(_traces(group, at, axis, shift))
    figure.add_trace(
        go.Scatter(
            x=[axis.left, axis.right], y=[0, 0], yaxis="y2", mode="lines", hoverinfo="skip",
            showlegend=False, line={"color": PALETTE["grey"], "dash": "dot", "width": 1.5},
        )
    )  # fmt: skip
    put_epsilon_axis(figure, axis)
    figure.update_layout(
        xaxis={"anchor": "y2"},
        yaxis={"domain": _UPPER},
        yaxis2={"domain": _LOWER, "title": {"text": "lost to privacy<br>(0: nothing)"}},
        hovermode="closest",
        annotations=_notes(numbers),
        margin={"l": 64, "r": 12, "t": 30, "b": 44},
    )
    return figure


def _group(name: str, runs: Sequence[Explored], metric: str) -> Group:
    by_budget: dict[float, list[float]] = {}
    patients = []
    for run in sorted(runs, key=lambda run: run.epsilon):
        mine = run.groups.get(name, {})
        score = mine.get(metric, math.nan)
        if math.isfinite(score):
            by_budget.setdefault(run.epsilon, []).append(score)
            patients.append(int(mine.get("patients", mine.get("count", 0))))
    without = by_budget.get(math.inf)
    worse = -1 if metric not in LOWER_IS_BETTER else 1
    nowhere = (-math.inf, math.inf)
    return Group(
        name=name,
        patients=min(patients, default=0),
        scores={eps: spread(found, BOUNDS[metric]) for eps, found in by_budget.items()},
        losses={
            eps: spread([worse * (score - median(without)) for score in found], nowhere)
            for eps, found in by_budget.items()
            if without and math.isfinite(eps)
        }
        if without
        else {},
    )


def _traces(group: Group, at: int, axis: EpsilonAxis, shift: float) -> list[go.Scatter]:
    finite = {eps: one for eps, one in group.scores.items() if math.isfinite(eps)}
    without = {eps: one for eps, one in group.scores.items() if math.isinf(eps)}
    return [
        _medians(group, finite, at, axis, shift, named=bool(finite)),
        _medians(group, without, at, axis, shift, named=not finite),
        _medians(group, group.losses, at, axis, shift, below=True),
    ]


def _medians(
    group: Group, spreads: dict[float, Spread], at: int, axis: EpsilonAxis, shift: float,
    *, named: bool = False, below: bool = False,
) -> go.Scatter:  # fmt: skip
    mine: dict[str, Any] = look(at)
    colour = PALETTE["grey"] if group.few else mine["colour"]
    drawn = list(spreads.values())
    return go.Scatter(
        x=[axis.place(epsilon) + shift for epsilon in spreads],
        y=[one.median for one in drawn],
        yaxis="y2" if below else "y",
        text=[_told(group, epsilon, one, below) for epsilon, one in spreads.items()],
        mode="lines+markers",
        name=_legend(group),
        legendgroup=group.name,
        showlegend=named,
        line={"color": colour, "dash": "dot" if group.few else mine["dash"], "width": 2},
        marker={"color": colour, "symbol": mine["symbol"], "size": 8},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.median for one in drawn],
            "arrayminus": [one.median - one.low for one in drawn],
            "color": colour,
            "thickness": 1.2,
            "width": 4,
        },
        hovertemplate="%{text}<extra></extra>",
    )


def _told(group: Group, epsilon: float, one: Spread, below: bool) -> str:
    budget = f"ε = {epsilon:.3g}".replace("inf", "∞")
    what = "worse than without privacy by" if below else "median"
    return (
        f"{_legend(group)}<br>{budget}: {what} {one.median:.3f}<br>"
        f"{one.words}: {one.low:.3f} to {one.high:.3f}"
    )


def _legend(group: Group) -> str:
    people = "1 patient" if group.patients == 1 else f"{group.patients} patients"
    return f"{group.name} ({people}{': too few to judge' if group.few else ''})"


def _two_lines(metric: str) -> str:
    way = "lower" if metric in LOWER_IS_BETTER else "higher"
    return f"{SCORE_TITLES.get(metric, metric)}<br>{way} is better"


def _notes(numbers: GroupsNumbers) -> list[dict[str, Any]]:
    """What a person could miss, at the right end of the space between the drawings."""
    said = ""
    if not numbers.groups:
        said = _SENTENCE
    elif not any(group.losses for group in numbers.groups):
        said = "what privacy took is drawn once trainings with and without it are finished"
    elif numbers.left_out:
        said = f"{numbers.left_out} smaller groups are not drawn"
    between = (_UPPER[0] + _LOWER[1]) / 2
    note = {
        "text": said, "xref": "paper", "yref": "paper", "x": 1, "y": between, "xanchor": "right",
        "yanchor": "middle", "showarrow": False, "font": {"size": 11},
    }  # fmt: skip
    return [note] if said else []
