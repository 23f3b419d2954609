"""How likely an audit of this size notices a flaw, in closed form."""

from __future__ import annotations

import math

from scipy.stats import binom, chi2, norm, t

from workbench.auditing.claim import Claim

FIVE_PERCENT = "noise 5 % low"
BY_CANARIES = "noise 5 % low, by canaries alone"


def power_of(
    claim: Claim, *, units: int, canaries: int, nulls: int, level: float
) -> dict[str, float]:
    """Probabilities by the flaw's name.

    Each is that of one test alone, so an audit notices the flaw with this probability or more.

    Args:
        claim: what is audited.
        units: in all records.
        canaries: half of which took part.
        nulls: coordinates that hold noise alone.
        level: of a single test, in (0, 1).
    """
    values = claim.steps * nulls
    return {
        FIVE_PERCENT: of_variance(0.05, values, level),
        "noise 2 % low": of_variance(0.02, values, level),
        "noise 1 % low": of_variance(0.01, values, level),
        BY_CANARIES: of_distance(0.05, claim, canaries, nulls, level),
        "sample rate 10 % high": of_inclusions(0.1, claim, units, level),
    }


def of_variance(deficit: float, values: int, level: float) -> float:
    """Of the test that nulls have too small a variance (chi-square).

    Args:
        deficit: share of the claimed standard deviation that is missing, in [0, 1).
        values: independent null values.
        level: of the test, in (0, 1).
    """
    most = chi2.ppf(level, values)
    return float(chi2.cdf(most / (1 - deficit) ** 2, values))


def of_distance(deficit: float, claim: Claim, canaries: int, nulls: int, level: float) -> float:
    """Of the test that canaries stand too far from the noise (``estimators.per_step``).

    Args:
        deficit: share of the claimed standard deviation that is missing, in [0, 1).
        claim: what is audited.
        canaries: half of which took part.
        nulls: coordinates that hold noise alone.
        level: of the test, in (0, 1).
    """
    taken = claim.sample_rate * claim.steps * canaries / 2
    if taken < 2:
        return level
    claimed = 1 / claim.noise_multiplier
    true = claimed / (1 - deficit)
    others = claim.steps * (canaries + nulls) - taken
    error = math.sqrt(1 / taken + (1 + true**2 / 2) / others)
    return float(norm.cdf((true - claimed) / error + t.ppf(level, taken - 1)))


def of_inclusions(excess: float, claim: Claim, units: int, level: float) -> float:
    """Of the test that units take part too often (binomial).

    Args:
        excess: share by which the sample rate is higher than claimed, >= 0.
        claim: what is audited.
        units: in all records.
        level: of the test, in (0, 1).
    """
    trials, rate = claim.steps * units, claim.sample_rate
    most = binom.isf(level, trials, rate)
    return float(binom.sf(most, trials, min(1.0, rate * (1 + excess))))
