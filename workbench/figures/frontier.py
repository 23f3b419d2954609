"""What privacy costs: utility over epsilon, every run a point."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from workbench.exploring.events import Explored
from workbench.figures.theme import PALETTE, make_figure
from workbench.figures.training_curves import SCORE_TITLES


class FrontierNumbers(NamedTuple):
    """Utility over epsilon.

    Attributes:
        epsilons: budgets in order, finite ones only.
        scores: for each of them the scores of its runs.
        without: scores of the runs without privacy.
        seeds: for each budget the seeds of its runs, for the labels.
        score_name: ``"dice"`` or ``"auroc"``.
    """

    epsilons: list[float]
    scores: list[list[float]]
    seeds: list[list[int]]
    without: list[float]
    score_name: str

    @property
    def medians(self) -> list[float]:
        """The middle score at each budget."""
        return [float(np.median(scores)) for scores in self.scores]


def frontier_numbers(explored: Iterable[Explored]) -> FrontierNumbers:
    """Group the finished runs of a study by budget."""
    runs = sorted(explored, key=lambda run: (run.epsilon, run.seed))
    finite = sorted({run.epsilon for run in runs if math.isfinite(run.epsilon)})
    return FrontierNumbers(
        epsilons=finite,
        scores=[[run.score for run in runs if run.epsilon == epsilon] for epsilon in finite],
        seeds=[[run.seed for run in runs if run.epsilon == epsilon] for epsilon in finite],
        without=[run.score for run in runs if math.isinf(run.epsilon)],
        score_name=runs[0].score_name if runs else "dice",
    )


def draw_frontier(numbers: FrontierNumbers, *, height: int = 360) -> go.Figure:
    """Points for runs, a line through the medians, a bar from lowest to highest; log epsilon."""
    figure = make_figure(
        x_title="epsilon (log scale; left is more private)",
        y_title=SCORE_TITLES[numbers.score_name],
        height=height,
    )
    for trace in traces(numbers):
        figure.add_trace(trace)
    figure.update_xaxes(type="log", dtick=1, minor={"showgrid": True, "dtick": "D1"})
    figure.update_layout(hovermode="closest")
    return figure


def traces(numbers: FrontierNumbers) -> list[go.Scatter]:
    """Four traces that always exist, so that a live figure can take them over one by one."""
    lowest, highest = (np.array([f(s) for s in numbers.scores]) for f in (min, max))
    medians = np.array(numbers.medians)
    ends = _ends(numbers)
    without = float(np.median(numbers.without)) if numbers.without else math.nan
    spread = (
        f"{min(numbers.without):.3f} to {max(numbers.without):.3f}, {len(numbers.without)} runs"
        if numbers.without
        else ""
    )
    return [
        go.Scatter(
            x=ends + ends[::-1],
            y=[max(numbers.without)] * 2 + [min(numbers.without)] * 2 if numbers.without else [],
            fill="toself",
            fillcolor="rgba(0,158,115,0.15)",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            mode="lines",
        ),
        go.Scatter(
            x=ends,
            y=[without] * 2 if numbers.without else [],
            mode="lines",
            name=f"without privacy ({spread})" if spread else "without privacy",
            line={"color": PALETTE["green"], "dash": "dash", "width": 2},
        ),
        go.Scatter(
            x=numbers.epsilons,
            y=medians,
            mode="lines+markers",
            name="median, lowest to highest",
            line={"color": PALETTE["blue"], "width": 2},
            marker={"size": 9, "symbol": "line-ew", "line": {"width": 3}},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": highest - medians,
                "arrayminus": medians - lowest,
                "color": PALETTE["blue"],
                "thickness": 1.5,
            },
        ),
        go.Scatter(
            x=[e for e, s in zip(numbers.epsilons, numbers.scores, strict=True) for _ in s],
            y=[score for scores in numbers.scores for score in scores],
            text=[f"seed {seed}" for seeds in numbers.seeds for seed in seeds],
            mode="markers",
            name="one training",
            marker={
                "color": PALETTE["vermillion"],
                "size": 9,
                "symbol": "circle-open",
                "line": {"width": 2},
            },
            hovertemplate="epsilon %{x:g}, %{text}: %{y:.3f}<extra></extra>",
        ),
    ]


def _ends(numbers: FrontierNumbers) -> list[float]:
    """From where to where the line without privacy is drawn."""
    if not numbers.epsilons:
        return [0.1, 10.0]
    return [numbers.epsilons[0] / 1.5, numbers.epsilons[-1] * 1.5]
