"""Where a composed privacy loss comes down to delta, roughly: what must be computed exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from workbench.accounting.mixture import Mixture

_CELLS = 512
_ORDERS = 2.0 ** np.arange(-10, 9, 1 / 3)
_BELOW = 8.0
"""How far below Chernoff's bound epsilon may lie, in e-folds of delta; 2 to 5 are usual."""

_LOWER = 0.25
"""How far below a bound that is not close epsilon is looked for."""

_WRAPPED = 1e-3
"""Share of the spare probability that may come in from outside the window."""

_NOISE = 6.0
"""Tilts under which rounding errors weigh more than exp of this times delta are not used."""


class Aim(NamedTuple):
    """What to look at to find epsilon.

    Attributes:
        tilt: the distribution is multiplied by exp(tilt * loss), > 0.
        top: order at which Chernoff's bound on the highest losses is lowest, > 0.
        length: from the highest losses down to below epsilon.
        spare: probability of losses above the highest; they count as infinite.
        variance: of the composed loss.
    """

    tilt: float
    top: float
    length: float
    spare: float
    variance: float


class _Sketch(NamedTuple):
    """A step's loss in a few hundred pieces."""

    losses: np.ndarray
    log_probs: np.ndarray
    steps: int


def aims_at(
    parts: Sequence[tuple[Mixture, int]],
    *,
    delta: float,
    tail: float,
    spare: float,
    grid: float = 0.0,
    below: float = math.inf,
) -> tuple[Aim, Aim]:
    """For taking the person out and for adding them.

    No guarantee rests on the numbers found here, only how close to the truth it comes.

    Args:
        parts: different steps, and how often each is taken.
        delta: in (0, 1).
        tail: probability of outputs of one step that need not be looked at.
        spare: probability of composed losses that need not be looked at.
        grid: to which the losses are going to be rounded; 0 where it is not chosen yet.
        below: where epsilon is known to be less.
    """
    both = [_sketches(mixture, steps, tail, grid) for mixture, steps in parts]
    return (
        _aim([removed for removed, _ in both], delta, spare, below),
        _aim([added for _, added in both], delta, spare, below),
    )


def _aim(sketches: Sequence[_Sketch], delta: float, spare: float, below: float) -> Aim:
    """Choose tilt and length of the circle on which the distribution is composed.

    A circle of length S with tilt t brings in what lies below it times exp(-t S) and what lies
    above times exp(t S), but that does no harm where it lands below epsilon. So S must be so long
    that exp(-t S) is spare, and that what lies S above epsilon is spare even times exp(t S).
    """
    largest = max(float(np.max(np.abs(sketch.losses))) for sketch in sketches)
    variance = sum(_variance(sketch) * sketch.steps for sketch in sketches)
    variance = max(variance, (1e-9 * largest) ** 2, 1e-200)
    orders = _ORDERS / math.sqrt(variance)
    log_moments = sum(_log_moments(sketch, orders) * sketch.steps for sketch in sketches)
    bounds = (log_moments - math.log(delta)) / orders
    best = int(np.argmin(bounds))
    # Where losses are small, only a small part of what lies above epsilon counts.
    folds = _BELOW + math.log1p(orders[best])
    epsilon = min(float(bounds[best] - folds / orders[best]), _LOWER * below)
    tops = (log_moments - math.log(spare)) / orders
    with np.errstate(divide="ignore"):
        outward = np.maximum(orders - orders[:, None], 0)
        wrapped = (log_moments - orders * epsilon - math.log(_WRAPPED * spare)) / outward
    lengths = np.maximum(wrapped.min(axis=1), -math.log(_WRAPPED * spare) / orders)
    noise = log_moments - orders * epsilon - math.log(delta)
    lengths[noise > max(folds + _NOISE, noise.min())] = np.inf
    tilt, top = int(np.argmin(lengths)), int(np.argmin(tops))
    length = max(float(lengths[tilt]), float(tops[top]) - epsilon)
    return Aim(float(orders[tilt]), float(orders[top]), length, spare, variance)


def _sketches(mixture: Mixture, steps: int, tail: float, grid: float) -> tuple[_Sketch, _Sketch]:
    reach = -float(ndtri(tail))
    centres = np.concatenate(([0.0], mixture.shifts))
    around = np.linspace(-reach, reach, max(16, _CELLS // len(centres)))
    places = np.unique((centres[:, None] + around).ravel())
    with_them, without = (masses[1:-1] for masses in mixture.masses(places))
    losses = mixture.loss((places[1:] + places[:-1]) / 2)
    return _sketch(losses, with_them, steps, grid), _sketch(-losses, without, steps, grid)


def _sketch(losses: np.ndarray, probs: np.ndarray, steps: int, grid: float) -> _Sketch:
    if grid:
        lower = grid * np.floor(losses / grid)
        to_upper = np.expm1(lower - losses) / math.expm1(-grid)
        losses = np.concatenate((lower, lower + grid))
        probs = np.concatenate((probs * (1 - to_upper), probs * to_upper))
    seen = probs > 0
    return _Sketch(losses[seen], np.log(probs[seen]), steps)


def _log_moments(sketch: _Sketch, orders: np.ndarray) -> np.ndarray:
    """Logarithm of E exp(order * loss), one for each order."""
    exponents = orders[:, None] * sketch.losses + sketch.log_probs
    highest = exponents.max(axis=1)
    exponents -= highest[:, None]
    return highest + np.log(np.exp(exponents, out=exponents).sum(axis=1))


def _variance(sketch: _Sketch) -> float:
    weights = np.exp(sketch.log_probs)
    mean = weights @ sketch.losses
    return float(weights @ (sketch.losses - mean) ** 2)
