"""How often the right slice was named, beside the most that anybody can do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import plotly.graph_objects as go

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.reconstruction import identification_bound
from workbench.figures.theme import PALETTE, make_figure, style

_KAPPAS: Final = np.logspace(-4, np.log10(0.5), 25)
_LEAST: Final = 1e-3
"""Where the axes begin while nothing was measured: one slice of a thousand."""

_LOOKS: Final = {"identification": 0, "attribute": 2}
"""What is guessed, and which look it has."""


class Guess(NamedTuple):
    """What an attacker who saw every noisy step guessed; all but the count in [0, 1].

    Attributes:
        name: what was guessed.
        look: number of its colour and mark.
        correct: in how many trainings it was right.
        success: the share of them, with its interval from ``low`` to ``high``.
        kappa: chance of the best blind guess.
        bound: on the chance of any attacker, if the claim holds.
        broken: whether this success falsifies the claim.
    """

    name: str
    look: int
    correct: int
    success: float
    low: float
    high: float
    kappa: float
    bound: float
    broken: bool


class ReroNumbers(NamedTuple):
    """A claim's reconstruction robustness, and what was measured of it.

    Attributes:
        kappas, gammas: ``(K,)``, rising: the chance of a blind guess, and the bound on that of
            anybody who saw the training.
        guesses: measured; none before an attack was run.
        trials: trainings that were attacked.
    """

    kappas: np.ndarray
    gammas: np.ndarray
    guesses: tuple[Guess, ...] = ()
    trials: int = 0


def rero_bound(released: Sequence[Mechanism]) -> ReroNumbers:
    """The bound alone; takes a part of a second.

    Args:
        released: what is claimed.
    """
    return ReroNumbers(_KAPPAS, identification_bound(released, _KAPPAS))


def rero_numbers(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ReroNumbers:
    """What a finished attack measured.

    Args:
        result: of ``auditing.robustness.matching``.
        arrays: its ``kappas`` and ``gammas``.
    """
    guesses = []
    for key, look in _LOOKS.items():
        row = result[key]
        name = f"its {row['name']}" if "name" in row else f"which of {result['candidates']} slices"
        known = {field: row[field] for field in Guess._fields if field in row} | {"name": name}
        guesses.append(Guess(**known, look=look, broken=key in result["caught_by"]))
    return ReroNumbers(
        np.asarray(arrays["kappas"]), np.asarray(arrays["gammas"]), tuple(guesses),
        int(result["trials"]),
    )  # fmt: skip


def draw_rero(numbers: ReroNumbers | None, *, height: int = 340) -> go.Figure:
    """Both axes logarithmic: rare candidates are what a reconstruction is about.

    Whiskers are the intervals. What was never right, or less often than the axis begins, stands
    hollow on its lower end; what falsifies the claim is a cross.

    Args:
        numbers: ``None`` draws the empty figure.
        height: pixels.
    """
    figure = make_figure(
        x_title="blind guesses that are right κ (probability, log scale)",
        y_title="right guesses γ (probability, log scale)",
        height=height,
        hovermode="closest",
    )
    least = _least(numbers)
    kappas, gammas = _curve(numbers)
    figure.add_scatter(
        x=[least, 1], y=[least, 1], name="blind guess, γ = κ", mode="lines", hoverinfo="skip",
        line={"color": PALETTE["grey"], "width": 1.5, "dash": "dot"},
    )  # fmt: skip
    figure.add_scatter(
        x=kappas, y=gammas, name="at most, if the claim holds", mode="lines",
        line={"color": PALETTE["grey"], "width": 2.5}, showlegend=bool(len(kappas)),
        hovertemplate="at most %{y:.3g} where %{x:.3g} are blind guesses<extra>claim</extra>",
    )  # fmt: skip
    for guess in numbers.guesses if numbers else ():
        figure.add_trace(_mark(guess, numbers.trials if numbers else 0, least))
    axis = {
        "type": "log", "range": [math.log10(least), 0.06], "dtick": 1, "exponentformat": "power",
        "minor": {"showgrid": False},
    }  # fmt: skip
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    # Below the diagonal there is room.
    figure.update_layout(
        legend={"orientation": "v", "x": 1, "xanchor": "right", "y": 0, "yanchor": "bottom",
                "font": {"size": 11}, "bgcolor": "rgba(0,0,0,0)", "tracegroupgap": 0},
        margin={"t": 8},
    )  # fmt: skip
    return figure


def percent(share: float) -> str:
    """A probability in [0, 1] as a person says it."""
    return f"{100 * share:.{1 if share < 0.1 else 0}f}\N{NO-BREAK SPACE}%"


def _least(numbers: ReroNumbers | None) -> float:
    """Where the axes begin: a power of ten below everything that was measured."""
    if numbers is None or not numbers.guesses:
        return _LEAST
    lowest = min(1 / numbers.trials, *(guess.kappa for guess in numbers.guesses))
    return float(10 ** math.floor(math.log10(lowest / 2)))


def _curve(numbers: ReroNumbers | None) -> tuple[np.ndarray, np.ndarray]:
    """The bound through the points at which it was needed, up to certainty."""
    if numbers is None:
        return np.zeros(0), np.zeros(0)
    known = np.stack([numbers.kappas, numbers.gammas])
    needed = np.array([[guess.kappa, guess.bound] for guess in numbers.guesses]).reshape(-1, 2).T
    together = np.concatenate([known, needed, [[1.0], [1.0]]], axis=1)
    rising = together[:, np.argsort(together[0])]
    return rising[0], rising[1]


def _mark(guess: Guess, trials: int, least: float) -> go.Scatter:
    look = style(guess.look)
    ink = PALETTE["vermillion"] if guess.broken else look["marker"]["color"]
    symbol = "x" if guess.broken else look["marker"]["symbol"]
    shown = max(guess.success, least)
    said = (
        f"{guess.name}: {guess.correct} of {trials}, {percent(guess.success)} "
        f"({percent(guess.low)} to {percent(guess.high)})<br>blindly {percent(guess.kappa)}, at "
        f"most {percent(guess.bound)} if the claim holds"
    )
    return go.Scatter(
        x=[guess.kappa], y=[shown], mode="markers",
        name=f"{guess.name}: {guess.correct} of {trials}"
             + (", above the bound" if guess.broken else ""),
        error_y={"type": "data", "symmetric": False, "array": [guess.high - shown],
                 "arrayminus": [shown - max(guess.low, least)], "color": ink, "thickness": 1.5},
        marker={"color": ink, "size": 10,
                "symbol": symbol if guess.success >= least else f"{symbol}-open"},
        text=[said], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
