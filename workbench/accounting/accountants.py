"""The same mechanism by different accountants, to compare; PLD is the one that counts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.pld import epsilon_spent
from workbench.errors import BadInput

ACCOUNTANTS: Final = ("pld", "prv", "rdp", "gdp")
"""Privacy loss distributions; Opacus' privacy random variables and Rényi accountant; the central
limit theorem of Gaussian differential privacy."""

APPROXIMATE: Final = frozenset({"gdp"})
"""Accountants whose epsilon may lie below the truth: drawn, never reported as a guarantee."""

_PRV_ERROR = 0.01
_PRV_POINTS = 4_000_000
_PRV_LARGEST_LOSS = 700.0


def epsilon_by(
    accountant: str, *, noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> float:
    """Epsilon by one accountant, for adding or removing one.

    Args:
        accountant: one of :data:`ACCOUNTANTS`.
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0.
        sample_rate: probability that a unit takes part in a step, in (0, 1].
        steps: >= 0.
        delta: in (0, 1).

    Returns:
        An upper bound, except for those in :data:`APPROXIMATE`. Infinity where there is no noise,
        or where the Rényi accountant has no finite bound.

    Raises:
        BadInput: the accountant is unknown, or it is ``"prv"`` and cannot do this: its memory
            grows with epsilon, and beyond a few hundred it fails or never ends.
    """
    check_accountant(accountant)
    if steps == 0:
        return 0.0
    if noise_multiplier == 0:
        return math.inf
    if accountant == "pld":
        return epsilon_spent(
            noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta
        )
    if accountant == "gdp":
        return _by_central_limit(noise_multiplier, sample_rate, steps, delta)
    if accountant == "rdp":
        return rdp_epsilons(noise_multiplier, sample_rate, [steps], delta)[0]
    return _by_prv(noise_multiplier, sample_rate, steps, delta)


def check_accountant(name: str) -> None:
    """Refuse an accountant that nobody knows.

    Raises:
        BadInput: with those known and the one given.
    """
    if name not in ACCOUNTANTS:
        raise BadInput(
            f"The accountant must be {', '.join(ACCOUNTANTS[:-1])} or {ACCOUNTANTS[-1]}, "
            f"not {name!r}.",
            field="accountant",
        )


def rdp_epsilons(
    noise_multiplier: float, sample_rate: float, steps: Sequence[int], delta: float
) -> list[float]:
    """Epsilon by Opacus' Rényi accountant at several numbers of steps, for the price of one.

    Args:
        noise_multiplier: > 0.
        sample_rate: in (0, 1].
        steps: each >= 1.
        delta: in (0, 1).
    """
    from opacus.accountants import RDPAccountant
    from opacus.accountants.analysis.rdp import compute_rdp, get_privacy_spent

    orders = RDPAccountant.DEFAULT_ALPHAS
    # It warns where its list of orders ends; the bound still holds.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            once = np.asarray(
                compute_rdp(
                    q=sample_rate, noise_multiplier=noise_multiplier, steps=1, orders=orders
                )
            )
            spent = [
                float(get_privacy_spent(orders=orders, rdp=once * count, delta=delta)[0])
                for count in steps
            ]
        except (OverflowError, ValueError, ZeroDivisionError):
            return [math.inf] * len(steps)
    return [max(0.0, epsilon) if math.isfinite(epsilon) else math.inf for epsilon in spent]


def _by_central_limit(noise: float, rate: float, steps: int, delta: float) -> float:
    """Bu, Dong, Long, Su 2020, Corollary 4: mu = q sqrt(T (exp(1 / sigma^2) - 1)).

    Opacus' version of the same finds no epsilon above 500.
    """
    if rate == 1:
        return gaussian_epsilon(noise, steps, delta)
    exponent = noise**-2 if noise > 1e-150 else math.inf
    if exponent > _PRV_LARGEST_LOSS:
        return math.inf
    return gaussian_epsilon(1 / (rate * math.sqrt(steps * math.expm1(exponent))), 1, delta)


def _by_prv(noise: float, rate: float, steps: int, delta: float) -> float:
    """Gopi, Lee, Wutschitz 2021, as in Opacus: the upper end of a bracket of 0.01 on each side."""
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise, rate, steps)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        _refuse_large_prv(noise, rate, steps, delta)
        try:
            epsilon = float(accountant.get_epsilon(delta, eps_error=_PRV_ERROR))
        except (RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
            raise _no_prv(f"it failed: {error}") from error
    if not math.isfinite(epsilon):
        raise _no_prv("it gives no number")
    return max(0.0, epsilon)


def _refuse_large_prv(noise: float, rate: float, steps: int, delta: float) -> None:
    """Its mesh, as Opacus will choose it, found before gigabytes are asked for."""
    from opacus.accountants.analysis.prv import (
        PoissonSubsampledGaussianPRV,
        compute_safe_domain_size,
    )

    delta_error = delta / 1000
    try:
        largest = float(
            compute_safe_domain_size(
                prvs=[PoissonSubsampledGaussianPRV(rate, noise)],
                max_self_compositions=[steps],
                eps_error=_PRV_ERROR,
                delta_error=delta_error,
            )
        )
    except (ArithmeticError, ValueError):
        largest = math.inf
    mesh = _PRV_ERROR / math.sqrt(steps * math.log(12 / delta_error) / 2)
    if not largest < _PRV_LARGEST_LOSS:
        raise _no_prv("epsilon is too large for it")
    if 2 * largest / mesh > _PRV_POINTS:
        raise _no_prv(f"it would need {2 * largest / mesh / 1e6:.0f} million points")


def _no_prv(why: str) -> BadInput:
    return BadInput(
        f"The PRV accountant cannot do this setting ({why.rstrip('.')}); use pld.",
        field="accountant",
    )
