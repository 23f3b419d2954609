"""Where a composed privacy loss crosses delta, roughly: what the exact computation must look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtri

from workbench.accounting.mixture import Mixture

_CELLS = 512
_ORDERS = 2.0 ** np.arange(-10, 9, 1 / 3)
_BELOW = 8.0
"""How far below the Chernoff bound epsilon may lie, in e-folds of delta; 2 to 5 are usual."""
_NOISE = 14.0
"""Tilts at which rounding errors weigh more than exp of this times delta are not used."""


class Aim(NamedTuple):
    """What to look at to find epsilon.

    Attributes:
        tilt: order; the distribution is multiplied by exp(tilt * loss).
        top: order at which Chernoff's bound on the highest losses is lowest.
        length: from the highest losses down to below epsilon.
        spare: probability of composed losses above the highest.
        variance: of the composed loss.
    """

    tilt: float
    top: float
    length: float
    spare: float
    variance: float


class _Sketch(NamedTuple):
    losses: np.ndarray
    log_probs: np.ndarray
    steps: int


def aims_of(
    parts: Sequence[tuple[Mixture, int]], delta: float, tail: float, spare: float, grid: float
) -> tuple[Aim, Aim]:
    """For taking somebody out and for adding them.

    Nothing that is guaranteed rests on the numbers found here, only how tight it gets.

    Args:
        parts: different steps and how often each is taken.
        delta: in (0, 1).
        tail: probability of outputs of one step that need not be looked at.
        spare: probability of composed losses that need not be looked at.
        grid: on which the losses are going to be rounded; 0 where it is not chosen yet.
    """
    both = [_sketches(mixture, steps, tail, grid) for mixture, steps in parts]
    return (
        _aim([removed for removed, _ in both], delta, spare),
        _aim([added for _, added in both], delta, spare),
    )


def _aim(sketches: Sequence[_Sketch], delta: float, spare: float) -> Aim:
    """Weigh the circular transform's errors against each other.

    A circle of length S, tilted by t, brings in what lies below the window, times exp(-t S), and
    what lies above it, times exp(t S). The latter does no harm below epsilon. So S must be so long
    that exp(-t S) is spare, and that so little lies S above epsilon that exp(t S) of it is.
    """
    variance = sum(_variance(sketch) * sketch.steps for sketch in sketches)
    orders = _ORDERS / math.sqrt(variance)
    cumulants = _cumulants(sketches, orders)
    chernoff = (cumulants - math.log(delta)) / orders
    best = int(np.argmin(chernoff))
    epsilon = float(chernoff[best] - (_BELOW + math.log1p(orders[best])) / orders[best])
    tops = (cumulants - math.log(spare)) / orders
    top = int(np.argmin(tops))
    with np.errstate(divide="ignore"):
        outward = np.maximum(orders - orders[:, None], 0)
        wrapped = (cumulants - orders * epsilon - math.log(spare)) / outward
    lengths = np.maximum(-math.log(spare) / orders, wrapped.min(axis=1))
    lengths[cumulants - orders * epsilon - math.log(delta) > _BELOW + _NOISE] = np.inf
    tilt = int(np.argmin(lengths))
    length = max(float(lengths[tilt]), float(tops[top]) - epsilon)
    return Aim(float(orders[tilt]), float(orders[top]), length, spare, variance)


def _sketches(
    mixture: Mixture, steps: int, tail: float, grid: float
) -> tuple[_Sketch, _Sketch]:
    reach = -float(ndtri(tail))
    centres = np.concatenate(([0.0], mixture.shifts))
    around = np.linspace(-reach, reach, max(16, _CELLS // len(centres)))
    places = np.unique((centres[:, None] + around).ravel())
    with_them, without = (masses[1:-1] for masses in mixture.masses(places))
    losses = mixture.loss((places[1:] + places[:-1]) / 2)
    return (
        _sketch(losses, with_them, steps, grid),
        _sketch(-losses, without, steps, grid),
    )


def _sketch(losses: np.ndarray, probs: np.ndarray, steps: int, grid: float) -> _Sketch:
    if grid:
        lower = grid * np.floor(losses / grid)
        part = np.expm1(lower - losses) / math.expm1(-grid)
        losses = np.concatenate((lower, lower + grid))
        probs = np.concatenate((probs * (1 - part), probs * part))
    seen = probs > 0
    return _Sketch(losses[seen], np.log(probs[seen]), steps)


def _cumulants(sketches: Sequence[_Sketch], orders: np.ndarray) -> np.ndarray:
    """log E exp(order * composed loss), one for each order."""
    return np.sum(
        [
            steps * logsumexp(orders[:, None] * losses + log_probs, axis=1)
            for losses, log_probs, steps in sketches
        ],
        axis=0,
    )


def _variance(sketch: _Sketch) -> float:
    weights = np.exp(sketch.log_probs)
    mean = float(weights @ sketch.losses)
    return float(weights @ (sketch.losses - mean) ** 2)
