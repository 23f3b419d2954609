"""What per-record gradients cost: every engine's time and memory beside the ordinary step's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.theme import PALETTE, TEMPLATE
from workbench.training.compared import ORDINARY, Compared


class EngineNumbers(NamedTuple):
    """One entry for each engine that can take the step, the ordinary step first.

    Attributes:
        names: of the engines.
        ratios: time over the ordinary step's.
        memory_mib: that a step holds.
    """

    names: list[str]
    ratios: list[float]
    memory_mib: list[float]


def engine_numbers(compared: Iterable[Compared]) -> EngineNumbers:
    """The engines in the order in which they were compared, without those that refused."""
    able = [one for one in compared if not one.refused]
    able.sort(key=lambda one: one.engine != ORDINARY)
    return EngineNumbers(
        names=[one.engine for one in able],
        ratios=[one.ratio for one in able],
        memory_mib=[one.memory_mib for one in able],
    )


def draw_engines(numbers: EngineNumbers, *, height: int = 260) -> go.Figure:
    """Two rows of bars: times the ordinary step's time, and MiB."""
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    figure.update_layout(template=TEMPLATE, height=height, showlegend=False, hovermode="closest")
    colours = [PALETTE["green"] if name == ORDINARY else PALETTE["blue"] for name in numbers.names]
    for column, values, form in (
        (1, numbers.ratios, "{:.2f} x"),
        (2, numbers.memory_mib, "{:.3g}"),
    ):
        bars = go.Bar(
            x=values,
            y=numbers.names,
            orientation="h",
            marker={"color": colours},
            text=[form.format(value) for value in values],
            textposition="auto",
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
        figure.add_trace(bars, row=1, col=column)
    figure.update_yaxes(autorange="reversed", title_text="engine", row=1, col=1)
    figure.update_xaxes(title_text="time of a step over the ordinary one", row=1, col=1)
    figure.update_xaxes(title_text="memory that a step holds (MiB)", row=1, col=2)
    figure.update_xaxes(rangemode="tozero")
    return figure
