"""The assumption ladder: the privacy loss that each test of an audit has shown, and assumes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from textwrap import wrap
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from workbench.accounting.guarantee import round_up
from workbench.figures.theme import PALETTE, make_figure

_FAR: Final = 2.0
"""Over the claim: what is longer ends here, and its words say how long it is."""

_LETTERS: Final = 56
"""Of an assumption in one line under the name of its test."""

_KEY: Final = {
    "text": "▭ what so many canaries could show   ◆ what correct code shows   ┆ what is claimed",
    "x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom",
    "showarrow": False, "font": {"size": 11}, "yshift": 4,
}  # fmt: skip


class Rung(NamedTuple):
    """One test, or the accountant.

    Attributes:
        label: what it is called.
        epsilon: that it has shown with confidence, at least; of the accountant, at most.
        ceiling: what so many canaries could show at all; ``None`` for the accountant.
        expected: what a correct implementation shows as a rule; ``None`` for the accountant.
        assumption: without which it says nothing.
        p_value: of the claim under this test, 0 to 1; ``None`` for the accountant.
        falsifies: whether the claim falls by it.
    """

    label: str
    epsilon: float
    ceiling: float | None
    expected: float | None
    assumption: str
    p_value: float | None
    falsifies: bool = False


class LadderNumbers(NamedTuple):
    """The rungs, from the weakest assumption to the accountant.

    Attributes:
        rungs: none before an audit has got so far; else the last one is the accountant's.
        claimed: epsilon of the claim.
        delta: of all epsilons.
        unit: what is protected.
    """

    rungs: tuple[Rung, ...]
    claimed: float
    delta: float
    unit: str


def ladder_numbers(result: Mapping[str, Any]) -> LadderNumbers:
    """The rungs of a finished audit in their order, and the accountant as the last one.

    Args:
        result: of the audit.
    """
    claim, claimed = result["claim"], float(result["epsilon_claimed"])
    rungs = tuple(
        Rung(
            label=one["label"],
            epsilon=float(one["epsilon"]),
            ceiling=float(one["ceiling"]),
            expected=float(one["expected"]),
            assumption=one["assumption"],
            p_value=float(one["p_value"]),
            falsifies=one["name"] in result["caught_by"],
        )
        for one in result["ladder"]
    )
    accountant = Rung("Accountant", claimed, None, None, "The code does what is claimed", None)
    return LadderNumbers((*rungs, accountant), claimed, claim["delta"], claim["unit"])


def draw_ladder(numbers: LadderNumbers | None, *, height: int = 340) -> go.Figure:
    """Lying bars, the weakest assumption on top; what lies above the claim is hatched and named.

    Args:
        numbers: ``None`` draws the empty figure of an audit that has not got so far.
        height: pixels.
    """
    rungs = numbers.rungs if numbers else ()
    claimed = numbers.claimed if numbers else 1.0
    of = f" per {numbers.unit} at δ = {numbers.delta:g}" if numbers else ""
    figure = make_figure(x_title=f"ε{of}", y_title="test and what it assumes", height=height)
    reach, places = _reach(rungs, claimed), _places(rungs)
    for trace in _traces([*zip(places, rungs, strict=True)], claimed, reach):
        figure.add_trace(trace)
    figure.update_xaxes(range=[0, 1.02 * reach])
    figure.update_yaxes(
        range=[max(sum(map(_lines, rungs)), 1), -0.2],
        tickvals=places,
        ticktext=[_name(rung) for rung in rungs],
        showgrid=False,
        ticks="",
        title_text="",
    )
    figure.update_layout(
        barmode="overlay",
        hovermode="closest",
        showlegend=False,
        annotations=[
            _KEY,
            *(_words(at, rung, claimed) for at, rung in zip(places, rungs, strict=True)),
        ],
        shapes=[_claim_line(claimed)] if rungs else [],
        margin={"t": 24, "b": 40, "l": 8, "r": 8},
    )
    return figure


def said(epsilon: float) -> str:
    """A lower bound with two decimals, never rounded up: ``"3.45"``; ``"∞"``."""
    if math.isinf(epsilon):
        return "∞"
    return f"{math.floor(round(100 * epsilon, 6)) / 100:.2f}"


def _traces(
    placed: Sequence[tuple[float, Rung]], claimed: float, reach: float
) -> list[go.Bar | go.Scatter]:
    """Five traces that always exist, so that a live figure can take them over one by one."""
    tests = [(at, rung) for at, rung in placed if rung.p_value is not None]
    within = [(at, rung) for at, rung in tests if rung.epsilon <= claimed]
    above = [(at, rung) for at, rung in tests if rung.epsilon > claimed]
    accountant = [(at, rung) for at, rung in placed if rung.p_value is None]
    hollow = {"color": "rgba(0,0,0,0)", "line": {"color": PALETTE["grey"], "width": 1.2}}
    ceilings = go.Bar(
        x=[min(rung.ceiling or 0.0, reach) for _, rung in tests],
        y=[at for at, _ in tests],
        orientation="h", width=1.3, name="could show at most", marker=hollow, hoverinfo="skip",
    )  # fmt: skip
    expected = go.Scatter(
        x=[min(rung.expected or 0.0, reach) for _, rung in tests],
        y=[at for at, _ in tests],
        mode="markers", name="correct code shows", hoverinfo="skip",
        marker={"symbol": "diamond-tall", "size": 11, "color": PALETTE["yellow"],
                "line": {"color": "#2b2f36", "width": 1}},
    )  # fmt: skip
    return [
        ceilings,
        _bars("shown", within, reach, {"color": PALETTE["blue"]}),
        _bars("shown, above the claim", above, reach,
              {"color": PALETTE["vermillion"], "pattern": {"shape": "x", "size": 6}}),
        _bars("claimed", accountant, reach, {"color": PALETTE["grey"]}),
        expected,
    ]  # fmt: skip


def _bars(
    name: str, rungs: Sequence[tuple[float, Rung]], reach: float, marker: dict[str, Any]
) -> go.Bar:
    return go.Bar(
        x=[min(rung.epsilon, reach) for _, rung in rungs],
        y=[at for at, _ in rungs],
        orientation="h", width=0.85, name=name, marker=marker,
        customdata=[_hover(rung) for _, rung in rungs],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _reach(rungs: Sequence[Rung], claimed: float) -> float:
    """What the axis must hold: everything that is not far beyond the claim."""
    values = [v for rung in rungs for v in (rung.epsilon, rung.ceiling, rung.expected) if v]
    return min(_FAR * claimed, max([1.1 * claimed, *(1.02 * value for value in values)]))


def _lines(rung: Rung) -> float:
    """Height of a rung: the lines of its words and some air."""
    return len(_assumption(rung)) + 1.4


def _places(rungs: Sequence[Rung]) -> list[float]:
    """Middles of the rungs, from above, in lines."""
    ends = list(accumulate(map(_lines, rungs)))
    return [end - _lines(rung) / 2 for end, rung in zip(ends, rungs, strict=True)]


def _assumption(rung: Rung) -> list[str]:
    return wrap(rung.assumption.rstrip("."), _LETTERS)


def _name(rung: Rung) -> str:
    lines = _assumption(rung)
    return "<br>".join(
        [f"<b>{rung.label}</b>", *(f"<span style='font-size:11px'>{line}</span>" for line in lines)]
    )


def _words(at: float, rung: Rung, claimed: float) -> dict[str, Any]:
    """What stands over a bar."""
    if rung.p_value is None:
        text = f"ε ≤ {round_up(rung.epsilon)} is claimed"
    else:
        text = f"ε ≥ {said(rung.epsilon)}"
        if rung.falsifies:
            text = f"<b>{text} falsifies the claim</b>"
        elif rung.epsilon > claimed:
            text += f" above the claim, by chance? (p = {rung.p_value:.1g})"
        else:
            ceiling = rung.ceiling or 0.0
            text += f" of at most {said(ceiling)}" if math.isfinite(ceiling) else ""
    return {
        "text": text, "x": 0, "y": at, "xanchor": "left", "yanchor": "bottom",
        "showarrow": False, "font": {"size": 11}, "xshift": 2, "yshift": 9,
    }  # fmt: skip


def _hover(rung: Rung) -> str:
    if rung.p_value is None:
        return f"the accountant says at most {round_up(rung.epsilon)}"
    return (
        f"{rung.label}: ε ≥ {said(rung.epsilon)} with confidence<br>"
        f"of at most {said(rung.ceiling or 0.0)} that so many canaries could show<br>"
        f"a correct implementation shows {said(rung.expected or 0.0)} as a rule<br>"
        f"p of the claim: {rung.p_value:.2g}"
    )


def _claim_line(claimed: float) -> dict[str, Any]:
    return {
        "type": "line", "x0": claimed, "x1": claimed, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": PALETTE["grey"], "width": 1.5, "dash": "dash"}, "layer": "below",
    }  # fmt: skip
