"""The missing quantity of a plan: at once on a coarse grid, then as it will be reported."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from workbench.accounting.gaussian import gaussian_noise_multiplier
from workbench.accounting.guarantee import round_up
from workbench.accounting.planner import MOST_STEPS, MOST_UNITS, Plan, Wish
from workbench.accounting.planner_search import Span, furthest_safe
from workbench.accounting.pld import (
    COARSE,
    REFINED,
    epsilon_for_drawing,
    epsilon_spent,
)
from workbench.errors import BadInput

DIGITS: Final = 4
"""Of noise, batch and epsilon; what is shown is what was accounted for."""

LEAST_NOISE: Final = 1e-3
MOST_NOISE: Final = 1e6
"""Between these a noise multiplier is looked for."""

LEAST_BATCH: Final = 1.0
"""Smallest expected batch that is looked at, where there is more than one unit."""

LEAST_EPSILON: Final = 1e-3
"""Smallest epsilon that is said."""

_MARGIN: Final = 1e-4
"""How far a reported epsilon usually lies at most above one on any grid (``epsilon_spent``)."""

_NUDGE: Final = 1e-4
_QUICK_TOLERANCE: Final = 2e-3
_TOLERANCE: Final = 1e-5


class NotWanted(Exception):
    """Nobody waits for the answer any more."""


def solve(wish: Wish, *, exact: bool = True, wanted: Callable[[], bool] = lambda: True) -> Plan:
    """Find the quantity that is left open: as much utility as epsilon allows, never more.

    The least noise, the largest batch, the most steps, the fewest units, or the epsilon itself.
    With add-or-remove-one adjacency, Poisson sampling and privacy loss distributions.

    Args:
        wish: the four that are fixed.
        exact: by the reported epsilon (a second or a few); whole numbers up to 100,000 are then
            the last ones that do not exceed the target. Otherwise by an upper bound on a coarse
            grid (some hundredths of a second), mostly within half a percent of the exact one.
        wanted: asked between epsilons; ``False`` gives up.

    Returns:
        Noise is rounded up and the batch down to four digits; epsilon is that of these numbers.

    Raises:
        BadInput: the fixed ones rule the target out, with the field ``target_epsilon``.
        NotWanted: ``wanted`` has said so.
    """
    if wish.unknown == "target_epsilon":
        return _spent(wish, exact)
    value = _found(wish, COARSE, _QUICK_TOLERANCE, _guess(wish), wanted)
    if exact:
        value = _found(wish, REFINED, _TOLERANCE, value, wanted)
    if exact and _is_whole(wish.unknown):
        value = _found(wish, None, _TOLERANCE, value, wanted)
    return _settled(wish, value, exact)


def reached(plan: Plan, *, exact: bool = True) -> float:
    """What a plan spends: as reported, or an upper bound of that on a coarse grid."""
    return _epsilon(plan, None if exact else COARSE)


def _epsilon(plan: Plan, grid: float | None) -> float:
    mechanism = plan.mechanism
    setting = {
        "noise_multiplier": mechanism.noise_multiplier,
        "sample_rate": mechanism.sample_rate,
        "delta": plan.delta,
    }
    if grid is None:
        return epsilon_spent(**setting, steps=mechanism.steps)
    return epsilon_for_drawing(**setting, steps=mechanism.steps, grid=grid) * (1 + _MARGIN)


def _spent(wish: Wish, exact: bool) -> Plan:
    plan = wish.having(LEAST_EPSILON)
    epsilon = reached(plan, exact=exact)
    if not math.isfinite(epsilon):
        raise BadInput(
            f"Noise multiplier {plan.noise_multiplier:g} gives no finite epsilon; add noise.",
            field="noise_multiplier",
        )
    target = max(LEAST_EPSILON, rounded(epsilon, up=True))
    return wish.having(target).spending(epsilon)


def _found(
    wish: Wish, grid: float | None, tolerance: float, guess: float, wanted: Callable[[], bool]
) -> float:
    """The furthest value that is safe by epsilons on this grid, or by those that are reported."""
    target = wish.target_epsilon
    assert target is not None

    def gap(value: float) -> float:
        if not wanted():
            raise NotWanted
        return math.log(max(_epsilon(_put(wish, value), grid), 1e-300) / target)

    span = _span(wish, tolerance)
    found = furthest_safe(gap, span, guess)
    if found is None:
        raise _out_of_reach(wish, _epsilon(_put(wish, span.safest), COARSE))
    return found


def _put(wish: Wish, value: float) -> Plan:
    return wish.having(int(value) if _is_whole(wish.unknown) else value)


def _is_whole(name: str) -> bool:
    return name in ("steps", "units")


def _span(wish: Wish, tolerance: float) -> Span:
    if wish.unknown == "noise_multiplier":
        return Span(MOST_NOISE, LEAST_NOISE, False, tolerance)
    if wish.unknown == "steps":
        return Span(1, MOST_STEPS, True, tolerance)
    if wish.unknown == "units":
        assert wish.expected_batch is not None
        return Span(most_units(wish.delta), math.ceil(wish.expected_batch), True, tolerance)
    assert wish.units is not None
    return Span(LEAST_BATCH, float(wish.units), False, tolerance)


def most_units(delta: float) -> int:
    """The largest data for which delta is below 1 / units, up to :data:`MOST_UNITS`."""
    most = min(math.ceil(1 / delta), MOST_UNITS)
    return most if delta < 1 / most else most - 1


def _guess(wish: Wish) -> float:
    """By the central limit theorem, or as if all draws were at full batch, whichever is better."""
    plan = wish.having(1)
    assert wish.target_epsilon is not None
    mu = 1 / gaussian_noise_multiplier(wish.target_epsilon, 1, plan.delta)
    if wish.unknown == "noise_multiplier":
        return _guessed_noise(plan, mu)
    exponent = plan.noise_multiplier**-2
    limit = mu**2 / math.expm1(exponent) if exponent < 700 else 0.0
    drawn = (plan.noise_multiplier * mu) ** 2
    if wish.unknown == "steps":
        return max(limit / plan.sample_rate**2, drawn / plan.sample_rate)
    rate = max(math.sqrt(limit / plan.steps), drawn / plan.steps)
    return rate * plan.units if wish.unknown == "expected_batch" else plan.expected_batch / rate


def _guessed_noise(plan: Plan, mu: float) -> float:
    limit = 1 / math.sqrt(math.log1p((mu / plan.sample_rate) ** 2 / plan.steps))
    return min(limit, math.sqrt(max(1.0, plan.sample_rate * plan.steps)) / mu)


def _settled(wish: Wish, value: float, exact: bool) -> Plan:
    """Rounded to the safe side, with what that spends and why it is not more."""
    target, name = wish.target_epsilon, wish.unknown
    assert target is not None
    limit, nudge = _limit(wish, value), _NUDGE
    while True:
        if not _is_whole(name) and not limit:
            value = rounded(value, up=name == "noise_multiplier")
        plan = _put(wish, value)
        epsilon = reached(plan, exact=exact)
        if epsilon <= target:
            return plan.spending(epsilon, limit)
        value, limit, nudge = _safer(name, value, nudge), "", 2 * nudge


def _safer(name: str, value: float, share: float) -> float:
    """A little further to the private side."""
    by = max(value * share, 1.0 if _is_whole(name) else 0.0)
    return value + by if name in ("noise_multiplier", "units") else value - by


def _limit(wish: Wish, value: float) -> str:
    many = f"{wish.unit}s"
    if wish.unknown == "noise_multiplier" and value <= LEAST_NOISE:
        return "Even less noise would do; by these numbers hardly anybody is ever drawn."
    if wish.unknown == "steps" and value >= MOST_STEPS:
        return f"Even {MOST_STEPS:,} steps stay within it."
    if wish.unknown == "expected_batch" and value == wish.units:
        return f"All {wish.units:,} {many} may take part in every step."
    if wish.unknown == "units" and value == math.ceil(wish.expected_batch or 0):
        return f"A batch of {wish.expected_batch:g} cannot come from fewer {many}."
    return ""


def _out_of_reach(wish: Wish, epsilon: float) -> BadInput:
    most = most_units(wish.delta)
    least, do = {
        "noise_multiplier": (f"a noise multiplier of {MOST_NOISE:g} spends", "raise"),
        "steps": ("one step spends", "raise"),
        "expected_batch": ("an expected batch of 1 spends", "raise"),
        "units": (
            f"{most:,} {wish.unit}s, the most that delta {wish.delta:g} is meant for, spend",
            "lower delta, or raise",
        ),
    }[wish.unknown]
    return BadInput(
        f"Even {least} epsilon {round_up(epsilon)}, more than {wish.target_epsilon:g}; "
        f"{do} epsilon or the noise multiplier.",
        field="target_epsilon",
    )


def rounded(value: float, *, up: bool) -> float:
    """A positive number to :data:`DIGITS` digits, upwards or downwards.

    Args:
        value: > 0, finite; 0 stays 0.
        up: never smaller than ``value``; otherwise never larger.
    """
    if value == 0:
        return 0.0
    power = DIGITS - 1 - math.floor(math.log10(value))
    scaled = value * 10.0**power if power >= 0 else value / 10.0**-power
    # What is one of these numbers already, but for the last bit, stays itself.
    near = round(scaled)
    whole = near if abs(scaled - near) < 1e-9 else math.ceil(scaled) if up else math.floor(scaled)
    return float(f"{whole}e{-power}")
