"""The trade-off between the two errors of anybody who tests whether one person took part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from workbench.accounting.losses import Losses, losses_of
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.mixture import Mixture, mixture_of

_TANGENTS = 1024
_STEEPEST = 700.0
"""Highest logarithm of a tangent's slope: the largest whose exponential is a number."""

_TAIL = 1e-10
"""Probability of losses, of one step's outputs and of composed ones, that is not looked at."""

_ROUNDING = 1e-9
"""Added to every delta: more than the Fourier transforms' rounding errors come to."""

_RESOLUTION = 1 / 50
"""Grid over the standard deviation of one step's loss."""

_MOST_POINTS = 2**15
_CELLS = 4096
_ORDERS = 2.0 ** np.arange(-4, 6)
"""Orders of the moments for Chernoff's bound, times the composed loss's standard deviation."""


@dataclass(frozen=True, eq=False)
class TradeOff:
    """A lower bound on the errors of every test, whatever it looks at (Dong, Roth, Su 2019).

    The curve is the upper envelope of its tangents 1 - delta(epsilon) - e^epsilon alpha, and each
    delta in them is an upper bound. So the curve never lies above the true one, which is the safe
    side for the two uses it has: errors that lie below it refute the claimed mechanism, and one
    minus it bounds what any attacker reaches. It is no estimate of what an attacker does reach,
    though closer to that than a thousandth down to noise multipliers of 0.05.

    Attributes:
        epsilons: ``(L,)``, >= 0, ascending.
        removed: ``(L,)``, delta at each when the person is taken out.
        added: ``(L,)``, delta at each when they are added.
    """

    epsilons: np.ndarray
    removed: np.ndarray
    added: np.ndarray

    def at(self, false_alarms: np.ndarray | float) -> np.ndarray:
        """The least share of those who took part that a test misses.

        Args:
            false_alarms: in [0, 1], any shape: share that it accuses of those who did not.

        Returns:
            float64 of the same shape; decreasing and convex.
        """
        alphas = np.asarray(false_alarms, dtype=np.float64)[..., None]
        heights, slopes = self._tangents
        misses: np.ndarray = np.maximum((heights - slopes * alphas).max(axis=-1), 0.0)
        return misses

    @cached_property
    def _tangents(self) -> tuple[np.ndarray, np.ndarray]:
        """Where they begin, at no false alarms, and how fast they fall."""
        steep, flat = np.exp(np.minimum(self.epsilons, _STEEPEST)), np.exp(-self.epsilons)
        heights = np.concatenate((1 - self.removed, flat * (1 - self.added)))
        return heights, np.concatenate((steep, flat))

    @property
    def symmetric(self) -> TradeOff:
        """The curve that holds for accusing those who took part and those who did not alike."""
        both = np.maximum(self.removed, self.added)
        return TradeOff(self.epsilons, both, both)


@lru_cache(maxsize=256)
def trade_off(mechanism: Mechanism) -> TradeOff:
    """The trade-off curve of a mechanism, in about 15 ms.

    Taken from its composed privacy loss distribution, in both directions (Zhu, Dong, Wang 2022):
    the presence of the person is what is tested, so that the two kinds of error are not
    interchangeable. Add-or-remove-one adjacency.
    """
    if not mechanism.steps:
        return TradeOff(np.zeros(1), np.zeros(1), np.zeros(1))
    if not mechanism.noise_multiplier:
        return _without_noise(mechanism)
    noise, steps = mechanism.noise_multiplier, mechanism.steps
    if mechanism.sample_rate == 1:  # so many full batches are one with less noise
        noise, steps = noise / math.sqrt(steps), 1
    tail = _TAIL / steps
    mixture = mixture_of(noise, mechanism.sample_rate, mechanism.group, tail)
    both = [_composed(each, steps) for each in losses_of(mixture, _grid(mixture, tail), tail)]
    steepest = min(max(each.last for each in both), _STEEPEST)
    # Closer together at the beginning: the curve's bulk has slopes around one.
    epsilons = max(steepest, 0.0) * np.linspace(0, 1, _TANGENTS) ** 2
    removed, added = (_deltas(each, epsilons) for each in both)
    return TradeOff(epsilons, removed, added)


def _without_noise(mechanism: Mechanism) -> TradeOff:
    """Exact: whoever took part in any step is found, nobody else."""
    if mechanism.sample_rate == 1:
        return TradeOff(np.zeros(1), np.ones(1), np.ones(1))
    log_never = mechanism.steps * mechanism.group * math.log1p(-mechanism.sample_rate)
    seen = -math.expm1(log_never)
    return TradeOff(np.array([0.0, -log_never]), np.array([seen, seen]), np.array([seen, 0.0]))


def _grid(mixture: Mixture, tail: float) -> float:
    """Distance of losses at which rounding them up hardly spreads one step's distribution."""
    lowest, highest = mixture.ends(tail)
    places = np.linspace(lowest, highest, _CELLS)
    losses = mixture.loss((places[1:] + places[:-1]) / 2)
    deviations = (_moments(losses, masses[1:-1])[1] for masses in mixture.masses(places))
    return max(_RESOLUTION * min(deviations), float(np.ptp(losses)) / _MOST_POINTS)


def _moments(losses: np.ndarray, probs: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean = float(probs @ losses)
    return mean, math.sqrt(float(probs @ (losses - mean) ** 2))


@dataclass(frozen=True, eq=False)
class _Composed:
    """Losses ``lines`` ``(N,)`` with probabilities ``probs`` ``(N,)`` and one that is infinite."""

    lines: np.ndarray
    probs: np.ndarray
    infinite: float

    @property
    def last(self) -> float:
        return float(self.lines[-1])


def _composed(losses: Losses, steps: int) -> _Composed:
    """The loss of many steps.

    It is computed on a circle as long as its bulk. What lies above that counts as infinite; what
    lies below comes in from above. Both only raise the loss.
    """
    lines = losses.grid * (losses.first + np.arange(len(losses.probs)))
    low, high = (round(end / losses.grid) for end in _bulk(lines, losses.probs, steps))
    low = max(low, steps * losses.first)
    high = min(high, steps * (losses.first + len(lines) - 1))
    size = next_fast_len(high - low + 1, real=True)
    folded = np.pad(losses.probs, (0, -len(lines) % size)).reshape(-1, size).sum(axis=0)
    probs = np.maximum(irfft(rfft(folded) ** steps, size), 0)
    probs = np.roll(probs, -((low - steps * losses.first) % size))
    infinite = _TAIL - math.expm1(steps * math.log1p(-losses.infinite))
    return _Composed(losses.grid * (low + np.arange(size)), probs, infinite)


def _bulk(lines: np.ndarray, probs: np.ndarray, steps: int) -> tuple[float, float]:
    """Two composed losses, with less than the tail below the one and above the other (Chernoff)."""
    mean, deviation = _moments(lines, probs)
    orders = _ORDERS / (max(deviation, lines[1] - lines[0]) * math.sqrt(steps))
    seen = probs > 0
    away = (lines[seen] - mean) * orders[:, None]
    logs = np.log(probs[seen])

    def distance(exponents: np.ndarray) -> float:
        highest = exponents.max(axis=1)
        log_moments = highest + np.log(np.exp(exponents - highest[:, None]).sum(axis=1))
        return float(np.min((steps * log_moments - math.log(_TAIL)) / orders))

    return steps * mean - distance(logs - away), steps * mean + distance(logs + away)


def _deltas(loss: _Composed, epsilons: np.ndarray) -> np.ndarray:
    """The sum of p (1 - exp(epsilon - loss)) over the losses above each of ascending epsilons."""
    above = np.searchsorted(loss.lines, epsilons, side="right")
    masses = np.append(np.cumsum(loss.probs[::-1])[::-1], 0.0)
    # In units of exp(lowest loss): only losses above some epsilon >= 0 are ever looked up.
    discounted = loss.probs * np.exp(-np.maximum(loss.lines, 0))
    shrunk = np.append(np.cumsum(discounted[::-1])[::-1], 0.0)
    deltas = masses[above] - np.exp(epsilons) * shrunk[above] + loss.infinite + _ROUNDING
    return np.clip(deltas, 0, 1)
