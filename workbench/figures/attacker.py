"""What each epsilon leaves to an attacker: three ways of being right about one person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import plotly.graph_objects as go

from workbench.accounting.attacker import BLIND, CERTAIN, Odds, odds_of_promise
from workbench.figures.epsilon_axis import EpsilonAxis
from workbench.figures.theme import PALETTE

NAMES: Final[Mapping[str, str]] = {
    "accuracy": "member or not",
    "found": "found, 1 % false alarms",
    "reconstructed": "named, prior 1/1000",
}
"""The three, as the legend says them."""

_LOOKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "accuracy": ("purple", "solid", "circle"),
    "found": ("grey", "dash", "square"),
    "reconstructed": ("sky", "dot", "diamond"),
}


class AttackerNumbers(NamedTuple):
    """The odds over epsilon.

    Attributes:
        odds: for each finite budget those against who sees one training with it, by what the
            mechanism itself releases.
        delta: of the budgets.
        unit: who is attacked, a patient or a slice.
    """

    odds: dict[float, Odds]
    delta: float
    unit: str


def attacker_numbers(odds: Mapping[float, Odds], *, delta: float, unit: str) -> AttackerNumbers:
    """The odds in the order of their budgets.

    Args:
        odds: by finite budget; where trainings of one budget differ, the attacker's best.
        delta: in (0, 1).
        unit: what the budgets protect.
    """
    return AttackerNumbers({epsilon: odds[epsilon] for epsilon in sorted(odds)}, delta, unit)


def attacker_traces(numbers: AttackerNumbers, axis: EpsilonAxis) -> list[go.Scatter]:
    """Three curves in per cent on the second y axis, each with its end at infinity.

    They always exist, so that a live figure can take them over one by one.
    """
    return [trace for name in NAMES for trace in _both(numbers, axis, name)]


def _both(numbers: AttackerNumbers, axis: EpsilonAxis, name: str) -> list[go.Scatter]:
    colour, dash, symbol = _LOOKS[name]
    look = {
        "name": NAMES[name], "legend": "legend2", "legendgroup": name, "yaxis": "y2",
        "line": {"color": PALETTE[colour], "dash": dash, "width": 2},
        "marker": {"color": PALETTE[colour], "symbol": symbol, "size": 7},
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    known = list(numbers.odds)
    curve = go.Scatter(
        x=[axis.place(epsilon) for epsilon in known],
        y=[100 * getattr(numbers.odds[epsilon], name) for epsilon in known],
        text=[_words(numbers, epsilon, name) for epsilon in known],
        mode="lines+markers",
        **look,
    )
    end = go.Scatter(
        x=[axis.infinity] if known else [],
        y=[100 * getattr(CERTAIN, name)] if known else [],
        text=["ε = ∞: nothing bounds what an attacker finds out"] if known else [],
        mode="markers",
        showlegend=False,
        **look,
    )
    return [curve, end]


def _words(numbers: AttackerNumbers, epsilon: float, name: str) -> str:
    own = getattr(numbers.odds[epsilon], name)
    any_other = getattr(odds_of_promise(epsilon, numbers.delta), name)
    what = {
        "accuracy": f"told whether a {numbers.unit} took part, where both are as likely",
        "found": f"{numbers.unit}s who took part found, at 1 false alarm in 100",
        "reconstructed": "record named by who could guess it with 1/1000",
    }[name]
    return (
        f"ε = {epsilon:g}: {what}<br>at most {percent(own)} (blind: "
        f"{percent(getattr(BLIND, name))}), from the mechanism of these trainings<br>"
        f"any ({epsilon:g}, {numbers.delta:g})-DP mechanism: at most {percent(any_other)}"
    )


def percent(share: float) -> str:
    """A bound in per cent, rounded up so that it stays one."""
    hundred = min(100.0, 100 * share)
    digits = 1 if hundred >= 1 else 1 - math.floor(math.log10(max(hundred, 1e-9)))
    scale = 10**digits
    return f"{math.ceil(round(hundred * scale, 6)) / scale:g} %"
