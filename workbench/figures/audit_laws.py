"""Two laws that a mechanism must follow: its noise is normal, its draws are binomial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.special import ndtr
from scipy.stats import binom

from workbench.figures.theme import PALETTE, TEMPLATE

_RARE: Final = 1e-3
"""Tails of the binomial law that are left out where nothing was seen either."""

_BARS: Final = 24
"""That numbers of units are drawn in, about."""


class Law(NamedTuple):
    """A histogram and what the claim expects in each of its bins.

    Attributes:
        edges: float64 ``(B + 1,)``, rising.
        counts: float64 ``(B,)``, what was seen.
        expected: float64 ``(B,)``, of as many draws from the law.
    """

    edges: np.ndarray
    counts: np.ndarray
    expected: np.ndarray


class LawsNumbers(NamedTuple):
    """Both laws.

    Attributes:
        noise: released coordinates that no record moves, over the claimed standard deviation.
        sampler: units that took part in a step.
    """

    noise: Law
    sampler: Law


def laws_numbers(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> LawsNumbers:
    """What was seen beside what the claim expects.

    Args:
        result: of a finished audit; its ``units`` are all that could be drawn.
        arrays: ``noise/edges``, ``noise/counts``, ``sampler/edges`` with a bin for each number of
            units, and ``sampler/counts``.
    """
    edges = arrays["noise/edges"]
    noise = _law(edges, arrays["noise/counts"], ndtr(edges))
    return LawsNumbers(noise, _draws(result, arrays))


def draw_laws(numbers: LawsNumbers | None, *, height: int = 340) -> go.Figure:
    """Two histograms, each under the line of its law.

    Args:
        numbers: ``None`` draws the empty figure of an audit that has not got so far.
        height: pixels.
    """
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1)
    figure.update_layout(template=TEMPLATE, height=height, hovermode="x unified", bargap=0.06)
    laws = numbers or (None, None)
    for column, law in enumerate(laws, 1):
        for trace in _traces(law, first=column == 1):
            figure.add_trace(trace, row=1, col=column)
    figure.update_xaxes(title_text="noise alone, over the claimed deviation σC", col=1)
    figure.update_xaxes(title_text="units drawn in a step", col=2)
    figure.update_yaxes(title_text="coordinates and steps (count)", rangemode="tozero", col=1)
    figure.update_yaxes(title_text="steps (count)", rangemode="tozero", col=2)
    figure.update_layout(legend={"font": {"size": 11}, "entrywidth": 0})
    return figure


def _draws(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Law:
    """Units in a step, counted wherever they were seen or the law expects them."""
    ends = arrays["sampler/edges"]
    law = binom(int(result["units"]), result["claim"]["sample_rate"])
    low, high = min(ends[0], law.ppf(_RARE) - 0.5), max(ends[-1], law.isf(_RARE) + 0.5)
    width = max(1, round((high - low) / _BARS))
    edges = np.arange(low, high + width, width)
    numbers = (ends[1:] + ends[:-1]) / 2
    seen, _ = np.histogram(numbers, edges, weights=arrays["sampler/counts"])
    return _law(edges, seen, law.cdf(np.floor(edges)))


def _law(edges: np.ndarray, counts: np.ndarray, below: np.ndarray) -> Law:
    return Law(edges, counts.astype(np.float64), counts.sum() * np.diff(below))


def _traces(law: Law | None, *, first: bool) -> list[go.Bar | go.Scatter]:
    empty = np.array([])
    middles = (law.edges[1:] + law.edges[:-1]) / 2 if law else empty
    seen = go.Bar(
        x=middles, y=law.counts if law else empty, width=np.diff(law.edges) if law else None,
        name="seen", marker={"color": PALETTE["sky"]}, showlegend=first,
        hovertemplate="%{y:,.0f} seen<extra></extra>",
    )  # fmt: skip
    line = go.Scatter(
        x=middles, y=law.expected if law else empty, name="as claimed", mode="lines",
        line={"color": PALETTE["vermillion"], "width": 2},
        showlegend=first, hovertemplate="%{y:,.0f} expected<extra></extra>",
    )  # fmt: skip
    return [seen, line]
