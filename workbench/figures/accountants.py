"""What several accountants make of the same training: epsilon over steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure as PrintFigure

from workbench.figures.theme import PALETTE, make_figure, make_print_figure

LABELS: Final[Mapping[str, str]] = {
    "pld": "PLD (reported)",
    "prv": "PRV",
    "rdp": "RDP",
    "gdp": "GDP: approximation, not a guarantee",
}

_COLOURS: Final = {"pld": "blue", "prv": "orange", "rdp": "vermillion", "gdp": "grey"}
_WIDTHS: Final = {"pld": 4.0}
_DASHES: Final = {"gdp": "dash"}
_POINTS: Final = frozenset({"prv"})
"""Known at so few steps that a line between them would lie below the truth."""

_STEPS: Final = "steps"


class AccountantNumbers(NamedTuple):
    """Epsilon over steps by several accountants.

    Attributes:
        steps: for each accountant the steps, ascending.
        epsilons: for each accountant epsilon after so many steps, finite values only.
        delta: that the epsilons hold for.
        unit: what is protected, ``"patient"`` or ``"slice"``.
    """

    steps: dict[str, list[int]]
    epsilons: dict[str, list[float]]
    delta: float
    unit: str


def accountant_numbers(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, delta: float, unit: str = "patient"
) -> AccountantNumbers:
    """Put computed curves in the figure's order, without what cannot be drawn.

    Args:
        curves: for each accountant steps ``(N,)`` and epsilons ``(N,)``, as in
            :class:`workbench.accounting.curve.EpsilonCurves`.
        delta: that the epsilons hold for.
        unit: what is protected.
    """
    steps, epsilons = {}, {}
    for name in LABELS:
        if name in curves:
            counts, values = curves[name]
            finite = np.isfinite(values)
            steps[name] = [int(count) for count in counts[finite]]
            epsilons[name] = [float(value) for value in values[finite]]
    return AccountantNumbers(steps, epsilons, delta, unit)


def draw_accountants(numbers: AccountantNumbers, *, height: int = 360) -> go.Figure:
    """A line for each accountant: the reported one bold, an approximation dashed, PRV as points."""
    figure = make_figure(x_title=_STEPS, y_title=_epsilon_title(numbers), height=height)
    for name, steps in numbers.steps.items():
        figure.add_trace(
            go.Scatter(
                x=steps,
                y=numbers.epsilons[name],
                name=LABELS[name],
                mode="markers" if name in _POINTS else "lines",
                line={
                    "color": PALETTE[_COLOURS[name]],
                    "width": _WIDTHS.get(name, 2.0),
                    "dash": _DASHES.get(name, "solid"),
                },
                marker={"color": PALETTE[_COLOURS[name]], "size": 8},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    return figure


def print_accountants(numbers: AccountantNumbers) -> PrintFigure:
    """The same for print."""
    figure, axes = make_print_figure(
        x_title=_STEPS, y_title=_epsilon_title(numbers), inches=(6.0, 3.6)
    )
    for name, steps in numbers.steps.items():
        axes.plot(
            steps,
            numbers.epsilons[name],
            label=LABELS[name],
            color=PALETTE[_COLOURS[name]],
            linewidth=_WIDTHS.get(name, 2.0) * 0.75,
            linestyle="none"
            if name in _POINTS
            else _DASHES.get(name, "solid").replace("dash", "dashed"),
            marker="o" if name in _POINTS else None,
        )
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _epsilon_title(numbers: AccountantNumbers) -> str:
    return f"epsilon per {numbers.unit} at delta {numbers.delta:g}"
