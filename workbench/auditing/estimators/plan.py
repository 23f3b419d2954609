"""Everything about an audit that is chosen before the training, and what may be expected of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from scipy.stats import binom

from workbench.accounting.trade_off import trade_off
from workbench.auditing.claim import Claim
from workbench.auditing.estimators import clopper_pearson, family, one_run, steinke
from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.design import Design, rank
from workbench.auditing.estimators.estimates import epsilons
from workbench.auditing.estimators.foreseen import (
    expected_errors,
    expected_evidence,
    expected_guesses,
)
from workbench.auditing.estimators.rung import Name
from workbench.errors import check_range

LEVEL: Final = 0.05
"""Probability with which a single bound that is shown may lie above the truth."""

_ALARMS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""False-positive rates among which those of the thresholds are chosen."""

_FEWEST_CANARIES = 16
_FEWEST_NULLS = 64
_FEWEST_GUESSES = 8
_SURE = 0.99
"""Probability with which enough of the canaries needed are put in by their coins."""

_MOST_CANARIES = 10**9


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An audit that has yet to happen.

    Attributes:
        claim: what it tries to refute.
        design: its sizes and thresholds.
        level: probability with which each single bound may lie above the truth.
        expected: every estimator's median for a correct implementation of the claim.
        ceilings: what every estimator would give if the same steps had no noise at all.
    """

    claim: Claim
    design: Design
    level: float
    expected: dict[Name, float]
    ceilings: dict[Name, float]


def make_plan(claim: Claim, *, canaries: int, nulls: int, level: float = LEVEL) -> Plan:
    """Fix an audit's thresholds such that a correct training would show the most. About a second.

    Nothing is drawn: the errors of the best score lie on the claim's trade-off curve, and the
    bound from the errors in the middle is about the median bound.

    Args:
        claim: what is to be refuted.
        canaries: >= 16; half of them, on average, are put among the records.
        nulls: coordinates without a record, >= 64; they cost next to nothing and sharpen the
            end-to-end bound.
        level: probability with which each single bound may lie above the truth, in (0, 1).

    Raises:
        BadInput: a number is out of its range.
    """
    check_range("canaries", canaries, f"[{_FEWEST_CANARIES}, inf)")
    check_range("nulls", nulls, f"[{_FEWEST_NULLS}, inf)")
    check_range("level", level, "(0, 1)")
    design = _design(claim, canaries, nulls, level)
    noiseless = replace(claim.mechanism, noise_multiplier=0.0)
    return Plan(
        claim=claim,
        design=design,
        level=level,
        expected=epsilons(expected_evidence(claim.mechanism, design), claim, level),
        ceilings=epsilons(expected_evidence(noiseless, design), claim, level),
    )


def canaries_needed(claim: Claim, *, nulls: int, level: float) -> int:
    """The fewest canaries with which an end-to-end test could refute the claim at all.

    As many as it takes that finding every one that took part, with one null in a hundred accused,
    has at most this probability where the claim is true; and their coins must put so many in.

    Args:
        claim: what is to be refuted.
        nulls: coordinates without a record, >= 64.
        level: at which a claim is refuted, in (0, 1).

    Raises:
        BadInput: a number is out of its range.
    """
    check_range("nulls", nulls, f"[{_FEWEST_NULLS}, inf)")
    check_range("level", level, "(0, 1)")
    curve = trade_off(claim.mechanism)
    alarms = rank(0.01, nulls) - 1

    def refutes(members: int) -> bool:
        errors = Errors(false_alarms=alarms, outsiders=nulls, misses=0, members=members)
        return family.p_value(errors, curve) <= level

    members = _first(refutes)
    return max(
        _FEWEST_CANARIES, _first(lambda canaries: binom.sf(members - 1, canaries, 0.5) >= _SURE)
    )


def _first(holds: Callable[[int], bool]) -> int:
    """The first number from 1 on from which on something holds."""
    high = 1
    while not holds(high) and high < _MOST_CANARIES:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _design(claim: Claim, canaries: int, nulls: int, level: float) -> Design:
    curve = trade_off(claim.mechanism)
    sizes = Design(
        canaries=canaries,
        nulls=nulls,
        few_alarms=0.5,
        many_alarms=0.5,
        steinke=(),
        one_run=(),
        noise_multiplier=claim.noise_multiplier,
    )
    delta = claim.delta
    assert delta is not None

    def errors(alarms: float) -> Errors:
        return expected_errors(curve, sizes.members, sizes.outsiders, alarms)

    def counted(alarms: float) -> float:
        return clopper_pearson.epsilon_bound(errors(alarms), delta, level)

    def tested(alarms: float) -> tuple[float, float]:
        noise = family.noise_bound(
            errors(alarms),
            sample_rate=claim.sample_rate,
            steps=claim.steps,
            around=claim.noise_multiplier,
            level=level,
        )
        # Where the audit is too small to bound anything, the threshold that comes closest.
        return -noise, -family.p_value(errors(alarms), family.BLIND)

    def guessed(made: int) -> float:
        guesses = [expected_guesses(curve, canaries, made)]
        return steinke.epsilon_bound(guesses, canaries, delta, level / 2)

    def guessed_on_curve(made: int) -> float:
        guesses = [expected_guesses(curve, canaries, made)]
        return one_run.mu_bound(guesses, canaries, level / 2)

    # Nearly all canaries: the coins may put in more than half of them or fewer.
    most = max(2, 2 * round((canaries - 3 * math.sqrt(canaries)) / 2))
    numbers = [most]
    while numbers[-1] > _FEWEST_GUESSES:
        numbers.append(2 * round(numbers[-1] / 2**1.5))
    return replace(
        sizes,
        few_alarms=max(_ALARMS, key=counted),
        many_alarms=max(_ALARMS, key=tested),
        # Nearly all of them, too: that finds the most where the leak is gross.
        steinke=_without_repeats(max(numbers, key=guessed), most),
        one_run=_without_repeats(max(numbers, key=guessed_on_curve), most),
    )


def _without_repeats(*numbers: int) -> tuple[int, ...]:
    return tuple(sorted(set(numbers)))
