"""How an attack goes: what it sees and what it does not see, over the same seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.theme import PALETTE, TEMPLATE

Moments = Sequence[tuple[float, float]]
"""Seconds and values."""

TOP_DECIBEL: Final = 80.0


class TimeNumbers(NamedTuple):
    """One attack over its seconds, and the same on pure noise.

    Attributes:
        gaps: of the gradients, squared and relative, as the attacker sees it.
        floor_gaps: the same on pure noise.
        psnr: dB against the truth, which the attacker never sees.
        floor_psnr: the same on pure noise.
        blind: dB of the best guess without the gradient; ``None`` where it is not known.
        seconds: that an attack may take.
    """

    gaps: Moments
    floor_gaps: Moments
    psnr: Moments
    floor_psnr: Moments
    blind: float | None
    seconds: float


def draw_time(numbers: TimeNumbers, *, height: int = 360) -> go.Figure:
    """Above the score, below the objective on a logarithmic axis."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    for trace, row in zip(traces(numbers), (1, 1, 1, 2, 2), strict=True):
        figure.add_trace(trace, row=row, col=1)
    figure.update_layout(
        template=TEMPLATE, height=height, hovermode="x", legend={"font": {"size": 11}},
        margin={"l": 56, "r": 8, "t": 30, "b": 40},
    )  # fmt: skip
    figure.update_xaxes(range=[0, numbers.seconds])
    figure.update_xaxes(title_text="time (s)", row=2)
    figure.update_yaxes(title_text="PSNR (dB)", rangemode="tozero", row=1)
    figure.update_yaxes(
        title_text="gap (relative)", type="log", exponentformat="power", dtick=1, row=2
    )
    return figure


def traces(numbers: TimeNumbers) -> list[go.Scatter]:
    """Five traces that always exist, so that a live figure can take them over one by one."""
    ends = [] if numbers.blind is None else [(0.0, numbers.blind), (numbers.seconds, numbers.blind)]
    return [
        _line("slice", "vermillion", "solid", _capped(numbers.psnr)),
        _line("pure noise", "grey", "dash", _capped(numbers.floor_psnr)),
        _line("best blind guess", "blue", "dot", ends),
        _line("slice", "vermillion", "solid", numbers.gaps, again=True),
        _line("pure noise", "grey", "dash", numbers.floor_gaps, again=True),
    ]


def _line(
    name: str, colour: str, dash: str, moments: Moments, *, again: bool = False
) -> go.Scatter:
    """A curve; ``again`` where the legend names its look already."""
    return go.Scatter(
        x=[seconds for seconds, _ in moments], y=[value for _, value in moments], name=name,
        mode="lines", line={"color": PALETTE[colour], "dash": dash, "width": 2},
        legendgroup=name, showlegend=not again,
        hovertemplate="%{y:.1e}" if again else "%{y:.1f} dB",
    )  # fmt: skip


def _capped(moments: Moments) -> list[tuple[float, float]]:
    """What is better than 80 dB is drawn there: nobody sees a difference any more."""
    return [(seconds, min(psnr, TOP_DECIBEL)) for seconds, psnr in moments]
