"""What looking at a study costs: epsilon by what is shown of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import plotly.graph_objects as go

from workbench.accounting.guarantee import round_up
from workbench.accounting.selection.counts import NegativeBinomial, RunCount
from workbench.exploring.price import Price, runs_words
from workbench.figures.theme import PALETTE, make_figure


class Bar(NamedTuple):
    """One way of showing a study.

    Attributes:
        shown: what is shown, in words.
        epsilon: what that costs.
        conditional: whether it holds only under the conditions of private selection.
    """

    shown: str
    epsilon: float
    conditional: bool


class PriceNumbers(NamedTuple):
    """The price of a study.

    Attributes:
        bars: in the order in which they are drawn, from below.
        delta: of every epsilon.
        unit: what is protected.
    """

    bars: tuple[Bar, ...]
    delta: float
    unit: str


def price_numbers(price: Price) -> PriceNumbers:
    """One bar for each way of showing; none where no run protects, infinite ones left out."""
    bars = [
        Bar("one run alone", price.dearest, conditional=False),
        *(
            Bar(f"only the winner, {_name(winner.count)}", winner.epsilon, conditional=True)
            for winner in reversed(price.winners)
        ),
        Bar(runs_words(price.runs), price.all_shown, conditional=False),
    ]
    drawn = tuple(bar for bar in bars if math.isfinite(bar.epsilon)) if price.runs else ()
    return PriceNumbers(drawn, price.delta, price.unit)


def draw_price(numbers: PriceNumbers, *, height: int = 240) -> go.Figure:
    """Lying bars with their epsilon; hatched where the price holds under conditions only."""
    figure = make_figure(
        x_title=f"epsilon per {numbers.unit} at delta {numbers.delta:g}",
        y_title="what is shown",
        height=height,
        showlegend=True,
    )
    for conditional in (False, True):
        bars = [bar for bar in numbers.bars if bar.conditional == conditional]
        figure.add_bar(
            x=[bar.epsilon for bar in bars],
            y=[bar.shown for bar in bars],
            orientation="h",
            name="on conditions only" if conditional else "always",
            text=[f"ε = {round_up(bar.epsilon)}" for bar in bars],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": PALETTE["sky" if conditional else "blue"],
                "pattern": {"shape": "/" if conditional else ""},
            },
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=[bar.shown for bar in numbers.bars])
    # Room for the words behind the longest bar.
    longest = max((bar.epsilon for bar in numbers.bars), default=1.0)
    figure.update_xaxes(range=[0, 1.3 * longest])
    figure.update_layout(
        legend={"x": 1, "xanchor": "right", "entrywidth": 104, "font": {"size": 11}},
        hovermode="closest",
        margin={"t": 36},
    )
    return figure


def _name(count: RunCount) -> str:
    if isinstance(count, NegativeBinomial):
        return {0.0: "logarithmic", 1.0: "geometric"}.get(count.shape, f"shape {count.shape:g}")
    return "Poisson"
