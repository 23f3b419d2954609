"""What attacks on membership found at low false-positive rates, and what the guarantee allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import plotly.graph_objects as go

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.reconstruction import identification_bound
from workbench.auditing.membership.roc import Curve, curve
from workbench.figures.theme import PALETTE, colour, make_figure, style

_ALPHAS: Final = np.logspace(-4, -0.01, 60)
_MARK: Final = 0.01
"""False-positive rate by which the attack with the band is chosen."""


class Found(NamedTuple):
    """Share of members found at one false-positive rate, with its interval; all in [0, 1]."""

    at: float
    value: float
    low: float
    high: float
    reliable: bool


class Attacked(NamedTuple):
    """One attack.

    Attributes:
        label: what it is called.
        curve: both rates over all thresholds.
        found: at the rates that are looked at.
    """

    label: str
    curve: Curve
    found: tuple[Found, ...]


class RocNumbers(NamedTuple):
    """All attacks on one target.

    Attributes:
        attacks: in their order.
        envelope: false-positive rates and the most that can be found at them if the target's
            guarantee holds, ``(2, K)``; ``None`` where nothing is guaranteed to those attacked.
        unit: who was attacked.
        members, strangers: how many of either kind.
        confidence: of all intervals.
    """

    attacks: tuple[Attacked, ...]
    envelope: np.ndarray | None
    unit: str
    members: int
    strangers: int
    confidence: float


def roc_numbers(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> RocNumbers:
    """Curves of a finished attack on membership; takes about a second.

    Args:
        result: of ``auditing.membership``.
        arrays: ``members`` and every attack's ``"<attack>/scores"``.
    """
    members, confidence = arrays["members"].astype(bool), float(result["confidence"])
    attacks = tuple(
        Attacked(
            label=one["label"],
            curve=curve(arrays[f"{name}/scores"], members, confidence=confidence),
            found=tuple(
                Found(**{key: rate[key] for key in Found._fields}) for rate in one["rates"]
            ),
        )
        for name, one in result["attacks"].items()
    )
    return RocNumbers(
        attacks=attacks,
        envelope=_envelope(result["claim"], result["unit"]),
        unit=result["unit"],
        members=int(result["members"]),
        strangers=int(result["strangers"]),
        confidence=confidence,
    )


def draw_roc(numbers: RocNumbers | None, *, height: int = 340) -> go.Figure:
    """Both axes logarithmic, since few false positives are what matters.

    The band is that of the attack that finds most at 1 %. Points at 1 % and 0.1 % are hollow and
    grey where there are too few strangers to know the false-positive rate.

    Args:
        numbers: ``None`` draws the empty figure.
        height: pixels.
    """
    figure = make_figure(
        x_title="strangers accused (false-positive rate, log scale)",
        y_title="members found (rate, log scale)",
        height=height,
        hovermode="closest",
    )
    least = _least(numbers)
    for trace in _bounds(numbers, least):
        figure.add_trace(trace)
    for at, attack in enumerate(numbers.attacks if numbers else ()):
        figure.add_trace(_curve(at, attack, least))
        figure.add_trace(_marks(at, attack, least))
    axis = {
        "type": "log", "range": [math.log10(least), 0.02], "dtick": 1, "exponentformat": "power",
        "minor": {"showgrid": False},
    }  # fmt: skip
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    # Below the diagonal there is room.
    figure.update_layout(
        legend={"orientation": "v", "x": 1, "xanchor": "right", "y": 0, "font": {"size": 11},
                "bgcolor": "rgba(0,0,0,0)", "tracegroupgap": 0},
        margin={"t": 8},
    )  # fmt: skip
    return figure


def _envelope(claim: Mapping[str, Any], unit: str) -> np.ndarray | None:
    epsilon = claim.get("epsilon")
    if epsilon is None or not math.isfinite(float(epsilon)) or claim["unit"] != unit:
        return None
    released = Mechanism(
        noise_multiplier=claim["noise_multiplier"],
        sample_rate=claim["sample_rate"],
        steps=claim["steps"],
    )
    return np.array([_ALPHAS, identification_bound([released], _ALPHAS)])


def _least(numbers: RocNumbers | None) -> float:
    """Where the axes begin: a little below one false positive."""
    return 0.5 / max(numbers.strangers, 50) if numbers else 1e-3


def _bounds(numbers: RocNumbers | None, least: float) -> list[go.Scatter]:
    """Blind guesses, the envelope, and the band: three traces that always exist."""
    allowed = numbers.envelope if numbers else None
    best = max(numbers.attacks, key=_at_mark) if numbers and numbers.attacks else None
    band = ([], []) if best is None else _band(best.curve, least)
    share = f"{100 * numbers.confidence:g} % of {best.label}" if numbers and best else "band"
    return [
        go.Scatter(
            x=[least, 1], y=[least, 1], name="blind guess", mode="lines", hoverinfo="skip",
            line={"color": PALETTE["grey"], "width": 1.5, "dash": "dot"},
        ),
        go.Scatter(
            x=[] if allowed is None else allowed[0], y=[] if allowed is None else allowed[1],
            name="guaranteed at most", mode="lines", showlegend=allowed is not None,
            line={"color": PALETTE["grey"], "width": 2.5},
            hovertemplate="at most %{y:.3g} at %{x:.3g}<extra>guarantee</extra>",
        ),
        go.Scatter(
            x=band[0], y=band[1], name=share, mode="lines", fill="toself", hoverinfo="skip",
            fillcolor="rgba(118, 118, 118, 0.22)", line={"width": 0}, showlegend=best is not None,
        ),
    ]  # fmt: skip


def _at_mark(attack: Attacked) -> float:
    return max((one.value for one in attack.found if one.at == _MARK), default=0.0)


def _band(both: Curve, least: float) -> tuple[list[float], list[float]]:
    """The interval of every threshold, as one outline."""
    x = np.maximum(both.fpr, least)
    edge = np.concatenate([both.high, np.maximum(both.low, least)[::-1]])
    return [*x.tolist(), *x[::-1].tolist()], edge.tolist()


def _curve(at: int, attack: Attacked, least: float) -> go.Scatter:
    look = style(at)
    return go.Scatter(
        x=np.maximum(attack.curve.fpr, least), y=np.maximum(attack.curve.tpr, least),
        name=attack.label, mode="lines", line={**look["line"], "shape": "hv"},
        hovertemplate="found %{y:.3g} at %{x:.3g}" + f"<extra>{attack.label}</extra>",
    )  # fmt: skip


def _marks(at: int, attack: Attacked, least: float) -> go.Scatter:
    """What was found at the two rates; hollow and grey where too few strangers stand behind it."""
    symbol = style(at)["marker"]["symbol"]
    sure = [one.reliable for one in attack.found]
    ink = [colour(at) if known else PALETTE["grey"] for known in sure]
    return go.Scatter(
        x=[max(one.at, least) for one in attack.found],
        y=[max(one.value, least) for one in attack.found],
        mode="markers", showlegend=False,
        marker={"color": ink, "size": 9,
                "symbol": [symbol if known else f"{symbol}-open" for known in sure]},
        text=[_words(attack, one) for one in attack.found],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _words(attack: Attacked, one: Found) -> str:
    said = (
        f"{attack.label}: {100 * one.value:.2g} % of members ({100 * one.low:.2g} to "
        f"{100 * one.high:.2g} %) at {100 * one.at:g} % false positives"
    )
    return said if one.reliable else f"{said}<br>too few strangers to rely on"
