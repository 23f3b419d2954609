"""What all that was ever done with the same data costs together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from workbench.accounting.aim import Aim, aims_at
from workbench.accounting.convolution import epsilon_of
from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.losses import Losses, losses_of
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.mixture import Mixture, mixture_of

FINE = 1e-4
"""Grid of reported values: privacy losses are rounded up to multiples of this."""

_POINTS = 320
"""Over the grid asked for: how many points a computation may have before its grid is widened."""

_WIDEST = 1e-2
"""Grid at which refining begins."""

_TRIES = 6
"""How often epsilon is looked for at lower losses; more than once only where it is very small."""

_RESOLUTION = 1 / 200
"""Widest grid over the standard deviation of one step's loss; epsilon is then 2e-6 too high."""

_SPARE = 1e-7
"""Share of delta that may be spent on cutting off tails, once a step and once in the end."""


def composed_epsilon(mechanisms: Sequence[Mechanism], delta: float, *, grid: float = FINE) -> float:
    """Epsilon of all these mechanisms together, with add-or-remove-one adjacency.

    By composition of privacy loss distributions (Koskela, Jälkö, Honkela 2020), both for taking
    the protected one out and for adding them. An upper bound at any grid, from epsilon 1e-3 to
    1e10. Where everything takes part in every step, the exact closed form takes its place.

    Args:
        mechanisms: in any order; the same ones are put together.
        delta: in (0, 1).
        grid: losses are rounded up to multiples of at most this, as long as there are no more
            than 320 / grid of them; where the losses of one step are small, much finer.

    Returns:
        At least 0; infinity where a mechanism has steps but no noise.
    """
    steps: Counter[tuple[float, float, int]] = Counter()
    for each in mechanisms:
        steps[(each.noise_multiplier, each.sample_rate, each.group)] += each.steps
    distinct = (
        Mechanism(noise_multiplier=noise, sample_rate=rate, steps=count, group=group)
        for (noise, rate, group), count in steps.items()
        if count
    )
    return _epsilon(tuple(sorted(distinct)), delta, grid)


@lru_cache(maxsize=1024)
def _epsilon(mechanisms: tuple[Mechanism, ...], delta: float, grid: float) -> float:
    if not mechanisms:
        return 0.0
    if any(each.noise_multiplier == 0 for each in mechanisms):
        return math.inf
    # Sampling only helps, so this is an upper bound, and exact where nothing is sampled.
    unsampled = gaussian_epsilon(_full_batch_noise(mechanisms), 1, delta)
    if all(each.sample_rate == 1 for each in mechanisms):
        return unsampled
    # All are upper bounds, so that a finer grid may only lower it.
    coarser = _epsilon(mechanisms, delta, 10 * grid) if 10 * grid <= _WIDEST else unsampled
    return min(coarser, _on_grid(mechanisms, delta, grid))


def _on_grid(mechanisms: tuple[Mechanism, ...], delta: float, widest: float) -> float:
    steps = sum(each.steps for each in mechanisms)
    # A power of two, so that the same step is found in the cache for another number of steps.
    tail = 2.0 ** math.floor(math.log2(_SPARE * delta / steps))
    parts = _parts(mechanisms, tail)
    aims = partial(aims_at, parts, delta=delta, tail=tail, spare=_SPARE * delta)
    grid = _grid(parts, aims(), tail, widest)
    losses = [(_losses(mixture, grid, tail), count) for mixture, count in parts]
    longest = 8 * grid * _POINTS / widest

    def one_way(way: int, aim: Aim, enough: float) -> float:
        """Epsilon, looked for at lower and lower losses until it is found or is enough."""
        composed = [(both[way], count) for both, count in losses]
        best = math.inf
        for nth in range(_TRIES):
            epsilon, close = epsilon_of(composed, aim, delta)
            better, best = epsilon < best, min(best, epsilon)
            if close or not better or best <= enough or aim.length > longest:
                break
            aim = aims(grid=grid, below=best / 4**nth)[way]
        return best

    first = aims(grid=grid)
    removed = one_way(0, first[0], 0.0)
    return max(removed, one_way(1, first[1], removed))


def _parts(mechanisms: tuple[Mechanism, ...], tail: float) -> list[tuple[Mixture, int]]:
    """What single steps look like; full-batch ones are one Gaussian mechanism all together."""
    parts = [
        (mixture_of(each.noise_multiplier, each.sample_rate, each.group, tail), each.steps)
        for each in mechanisms
        if each.sample_rate < 1
    ]
    full = tuple(each for each in mechanisms if each.sample_rate == 1)
    return [*parts, (mixture_of(_full_batch_noise(full), 1.0), 1)] if full else parts


def _full_batch_noise(mechanisms: tuple[Mechanism, ...]) -> float:
    """Noise multiplier of one full-batch step that costs what all these would without sampling."""
    return 1 / math.sqrt(
        math.fsum(each.steps * (each.group / each.noise_multiplier) ** 2 for each in mechanisms)
    )


def _grid(
    parts: Sequence[tuple[Mixture, int]], aims: tuple[Aim, Aim], tail: float, widest: float
) -> float:
    """The grid for these steps: :data:`FINE` times a power of two, in both directions.

    The lines of a wider grid are then lines of a narrower one too, and what is rounded to them
    dominates: a quick value is never below a fine one.
    """
    steps = sum(count for _, count in parts)
    deviation = math.sqrt(max(aim.variance for aim in aims) / steps)
    wanted = min(widest, _RESOLUTION * deviation)
    points = _POINTS / widest
    ranges = sum(
        max(1.0, len(mixture.shifts) / 4) * float(np.ptp(mixture.loss(mixture.ends(tail))))
        for mixture, _ in parts
    )
    needed = max(ranges, *(aim.length for aim in aims)) / points
    power = max(math.floor(math.log2(wanted / FINE)), math.ceil(math.log2(needed / FINE)))
    return FINE * 2.0**power


@lru_cache(maxsize=4)
def _losses(mixture: Mixture, grid: float, tail: float) -> tuple[Losses, Losses]:
    return losses_of(mixture, grid, tail)
