"""What the claim allows an attacker, and what canaries gave away: false alarms against misses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import plotly.graph_objects as go

from workbench.figures.theme import PALETTE, make_figure

_BELOW: Final = "below the curve"


class Measured(NamedTuple):
    """One operating point of a test, with what is certain of it.

    Attributes:
        alpha, beta: rates of false alarms and of misses that were counted, 0 to 1.
        alpha_low, alpha_high: ends of the confidence interval of the one.
        beta_low, beta_high: and of the other.
        below: whether even the rectangle's upper right corner lies under the claim's curve.
    """

    alpha: float
    beta: float
    alpha_low: float
    alpha_high: float
    beta_low: float
    beta_high: float
    below: bool


class TradeOffNumbers(NamedTuple):
    """The claim's trade-off curve and what was measured.

    Attributes:
        alpha, beta: float64 ``(N,)``, the curve: no test with so many false alarms has fewer
            misses, if the claim holds (Dong, Roth, Su 2019).
        points: operating points of the audit's own test.
    """

    alpha: np.ndarray
    beta: np.ndarray
    points: tuple[Measured, ...]


def trade_off_numbers(arrays: Mapping[str, np.ndarray]) -> TradeOffNumbers:
    """Curve and points of a finished audit, and which of them the claim forbids.

    Args:
        arrays: ``trade_off/alpha``, ``trade_off/beta``, and under ``points/`` both rates with the
            ends of their intervals.
    """
    order = np.argsort(arrays["trade_off/alpha"])
    alpha, beta = arrays["trade_off/alpha"][order], arrays["trade_off/beta"][order]
    columns = [arrays[f"points/{name}"] for name in Measured._fields[:-1]]
    below = arrays["points/beta_high"] < np.interp(arrays["points/alpha_high"], alpha, beta)
    rows = zip(*(column.tolist() for column in (*columns, below)), strict=True)
    return TradeOffNumbers(alpha, beta, tuple(Measured(*row) for row in rows))


def draw_trade_off(numbers: TradeOffNumbers | None, *, height: int = 340) -> go.Figure:
    """The curve, what lies under it as forbidden ground, and each point in its rectangle.

    Args:
        numbers: ``None`` draws the empty figure of an audit that has not got so far.
        height: pixels.
    """
    figure = make_figure(
        x_title="false alarms α (share of canaries that took no part)",
        y_title="misses β (share of those that did)",
        height=height,
        hovermode="closest",
        margin={"r": 12},
    )
    for trace in _traces(numbers):
        figure.add_trace(trace)
    figure.update_xaxes(range=[-0.01, 1])
    figure.update_yaxes(range=[-0.02, 1.02])
    return figure


def _traces(numbers: TradeOffNumbers | None) -> list[go.Scatter]:
    """Six traces that always exist, so that a live figure can take them over one by one."""
    points = numbers.points if numbers else ()
    empty = np.array([])
    ground = go.Scatter(
        x=numbers.alpha if numbers else empty, y=numbers.beta if numbers else empty,
        name="least that the claim allows", mode="lines", fill="tozeroy",
        fillcolor="rgba(0, 114, 178, 0.10)", line={"color": PALETTE["blue"], "width": 2},
        hovertemplate="false alarms %{x:.3f}, misses at least %{y:.3f}<extra>claim</extra>",
    )  # fmt: skip
    blind = go.Scatter(
        x=[0, 1], y=[1, 0], name="blind guess", mode="lines", hoverinfo="skip",
        line={"color": PALETTE["grey"], "width": 1.5, "dash": "dot"},
    )  # fmt: skip
    traces = [ground, blind]
    looks = {False: ("measured", "green", "circle"), True: (_BELOW, "vermillion", "x")}
    for below, (name, colour, symbol) in looks.items():
        chosen = [point for point in points if point.below is below]
        edges = [_outline(point) for point in chosen]
        traces += [
            go.Scatter(
                x=[x for xs, _ in edges for x in xs], y=[y for _, ys in edges for y in ys],
                mode="lines", fill="toself", line={"color": PALETTE[colour], "width": 1},
                opacity=0.6, showlegend=False, hoverinfo="skip",
            ),
            go.Scatter(
                x=[point.alpha for point in chosen], y=[point.beta for point in chosen],
                name=name, mode="markers", text=[_words(point) for point in chosen],
                marker={"color": PALETTE[colour], "symbol": symbol, "size": 10},
                showlegend=bool(chosen), hovertemplate="%{text}<extra></extra>",
            ),
        ]  # fmt: skip
    return traces


def _outline(point: Measured) -> tuple[list[float | None], list[float | None]]:
    """The rectangle as a line; ``None`` parts it from the next one."""
    left, right, low, high = point.alpha_low, point.alpha_high, point.beta_low, point.beta_high
    return [left, right, right, left, left, None], [low, low, high, high, low, None]


def _words(point: Measured) -> str:
    said = (
        f"false alarms {point.alpha:.3f} ({point.alpha_low:.3f} to {point.alpha_high:.3f})<br>"
        f"misses {point.beta:.3f} ({point.beta_low:.3f} to {point.beta_high:.3f})"
    )
    return (
        f"{said}<br>below the curve, which one correct audit in 20 may be" if point.below else said
    )
