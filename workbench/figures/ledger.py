"""What all runs on the same patients come to: epsilon run by run, the budget, the next run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final, NamedTuple

import plotly.graph_objects as go

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.accounts import Account, Outlook, Point
from workbench.figures.theme import PALETTE, make_figure

_TICKS: Final = 14
"""As many runs are named on the axis; of more, every second or third."""


class Mark(NamedTuple):
    """One run in the figure.

    Attributes:
        number: of the run on its account, from 1.
        epsilon: of all protected runs up to it, per patient; 0 where none protects.
        said: lines that appear under the pointer.
    """

    number: int
    epsilon: float
    said: str


class LedgerNumbers(NamedTuple):
    """An account over its runs.

    Attributes:
        composed: epsilon per patient of the protected runs so far: 0 first, then after each run.
        days: day of each run in local time (``"20 Nov"``).
        settled: runs that have reported their end.
        standing: runs charged in full because they have not.
        unprotected: runs that protect nobody, drawn on the axis.
        delta: of every epsilon; ``None`` where there is neither a private run nor a plan.
        budget: epsilon allowed; ``None`` without one.
        after: epsilon with the next run, infinite where that protects nobody; ``None`` without one.
    """

    composed: list[float]
    days: list[str]
    settled: list[Mark]
    standing: list[Mark]
    unprotected: list[Mark]
    delta: float | None
    budget: float | None
    after: float | None

    @property
    def top(self) -> float:
        """The highest value drawn, a little more than 0 where there is none."""
        drawn = [*self.composed, self.budget or 0.0, self.after or 0.0]
        return max([value for value in drawn if math.isfinite(value)], default=0) or 1.0


def ledger_numbers(
    points: Sequence[Point], account: Account | None, outlook: Outlook | None
) -> LedgerNumbers:
    """Put an account's history in order.

    Args:
        points: one for each run, the first one first.
        account: the same account; ``None`` where nothing was ever charged.
        outlook: what the next run would cost; ``None`` where that is not known.
    """
    runs = list(enumerate(points, start=1))
    drawn = {
        number: Mark(number, point.epsilon if point.charge.protected else 0.0, _said(point))
        for number, point in runs
    }
    known = account.delta if account else None
    return LedgerNumbers(
        composed=[0.0, *(point.epsilon for point in points)],
        days=[local(point.at).strftime("%d %b") for point in points],
        settled=[drawn[n] for n, p in runs if p.charge.protected and p.charge.settled],
        standing=[drawn[n] for n, p in runs if p.charge.protected and not p.charge.settled],
        unprotected=[drawn[n] for n, p in runs if not p.charge.protected],
        delta=outlook.delta if known is None and outlook else known,
        budget=account.budget.epsilon if account and account.budget else None,
        after=outlook.after if outlook else None,
    )


def draw_ledger(numbers: LedgerNumbers, *, height: int = 260) -> go.Figure:
    """Steps from run to run, the budget as a dashed line, the next run hollow and dotted.

    Runs stand at equal distances with their days below: on an axis of time those of one evening
    would lie on one another.
    """
    at = "" if numbers.delta is None else f"<br>at delta = {numbers.delta:g}"
    figure = make_figure(
        x_title="runs in the order in which they began",
        y_title=f"epsilon per patient{at}",
        height=height,
    )
    for trace in traces(numbers):
        figure.add_trace(trace)
    shown = _ticks(numbers)
    last = len(numbers.days) + (numbers.after is not None)
    figure.update_xaxes(
        tickvals=list(shown), ticktext=list(shown.values()), range=[0, max(last, 1) + 0.6]
    )
    figure.update_yaxes(range=[0, 1.15 * numbers.top])
    # Text of a trace would keep its colour on a dark page, that of an annotation does not.
    figure.add_annotation(
        text="" if numbers.budget is None else f"budget {numbers.budget:g}",
        x=0.01,
        xref="x domain",
        y=numbers.budget or 0.0,
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
    )
    figure.update_layout(hovermode="closest")
    return figure


def traces(numbers: LedgerNumbers) -> list[go.Scatter]:
    """Six traces that always exist, so that a live figure can take them over one by one."""
    blue, vermillion, grey = (PALETTE[name] for name in ("blue", "vermillion", "grey"))
    return [
        go.Scatter(
            x=list(range(len(numbers.composed))),
            y=numbers.composed,
            name="all runs together",
            mode="lines",
            line={"color": blue, "width": 2, "shape": "hv"},
            hoverinfo="skip",
        ),
        _marks("charged as counted", numbers.settled, symbol="circle", color=blue),
        _marks("charged in full", numbers.standing, symbol="diamond-open", color=vermillion),
        _marks("no protection", numbers.unprotected, symbol="x-thin", color=grey),
        _budget(numbers),
        _next(numbers),
    ]


def local(at: str) -> datetime:
    """An ISO-8601 time of the ledger in the time of this place."""
    return datetime.fromisoformat(at).astimezone()


def _marks(name: str, marks: Sequence[Mark], *, symbol: str, color: str) -> go.Scatter:
    return go.Scatter(
        x=[mark.number for mark in marks],
        y=[mark.epsilon for mark in marks],
        hovertext=[mark.said for mark in marks],
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers",
        name=name,
        marker={
            "color": color,
            "symbol": symbol,
            "size": 9,
            "line": {"color": color, "width": 0 if symbol == "circle" else 2.5},
        },
        cliponaxis=False,
    )


def _budget(numbers: LedgerNumbers) -> go.Scatter:
    known = numbers.budget is not None
    end = len(numbers.days) + (numbers.after is not None)
    return go.Scatter(
        x=[0, max(end, 1) + 0.6] if known else [],
        y=[numbers.budget] * 2 if known else [],
        mode="lines",
        name="budget",
        showlegend=False,
        line={"color": PALETTE["green"], "dash": "dash", "width": 2},
        hoverinfo="skip",
    )


def _next(numbers: LedgerNumbers) -> go.Scatter:
    """From the last run on; a run that protects nobody lies on the axis like the others."""
    last, after = len(numbers.days), numbers.after
    protects = after is not None and math.isfinite(after)
    colour, symbol = PALETTE["orange"], "circle-open" if protects else "x-thin-open"
    trace = go.Scatter(
        name="next run",
        showlegend=False,
        mode="lines+markers" if protects else "markers",
        hovertemplate="%{hovertext}<extra></extra>",
        line={"color": colour, "dash": "dot", "width": 2, "shape": "hv"},
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 11,
            "opacity": [0, 1],
            "line": {"color": colour, "width": 2.5},
        },
        cliponaxis=False,
        x=[],
        y=[],
        hovertext=[],
    )
    if after is not None:
        said = f"the next run would bring it to ε = {round_up(after)}"
        trace.x, trace.y = [last, last + 1], [numbers.composed[-1], after if protects else 0.0]
        trace.hovertext = ["", said if protects else "the next run would protect nobody"]
    return trace


def _ticks(numbers: LedgerNumbers) -> dict[int, str]:
    """Numbers of runs to what stands under them: the number, and the day where it is another."""
    every = math.ceil(len(numbers.days) / _TICKS) or 1
    shown: dict[int, str] = {}
    day = ""
    for number in range(1, len(numbers.days) + 1, every):
        now = numbers.days[number - 1]
        shown[number] = f"{number}" if now == day else f"{number}<br>{now}"
        day = now
    if numbers.after is not None:
        shown[len(numbers.days) + 1] = "next run"
    return shown


def _said(point: Point) -> str:
    charge, plan = point.charge, point.charge.planned
    began = local(point.at).strftime("%d %b %Y %H:%M")
    lines = [f"run {escape(charge.run)}", f"{began}, {escape(charge.name)}"]
    if charge.group > 1:
        lines.append(f"per slice; counted for the patient with {charge.group} slices")
    else:
        lines.append(f"per {plan.unit}")
    lines.append(
        f"noise multiplier {plan.noise_multiplier:.3g}, sample rate {plan.sample_rate:.3g}, "
        f"{charge.steps:,} of {plan.steps:,} steps"
    )
    if charge.protected:
        lines.append(f"alone ε = {round_up(point.alone)}, together ε = {round_up(point.epsilon)}")
        settled = "charged for the steps counted"
        lines.append(settled if charge.settled else "never reported its end: charged in full")
    else:
        lines.append(f"protects nobody: {plan.why}")
    return "<br>".join(lines)
