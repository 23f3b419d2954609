"""What a guarantee means to an attacker: how often the best one is right about one person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, ndtr

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import COARSE
from workbench.accounting.reconstruction import identification_bound
from workbench.errors import check_range

FALSE_ALARMS: Final = 0.01
"""False-positive rate at which membership is told."""

PRIOR: Final = 1e-3
"""Chance of guessing the record blindly where its reconstruction is bounded."""

_LEAST_DELTA: Final = 1e-9
_CLOSE: Final = 1e-2
"""How close the logit of the total variation is found; any value on the way is a bound, too."""


class Odds(NamedTuple):
    """Upper bounds on what anybody can find out about one person, whatever else they know.

    Attributes:
        accuracy: of telling whether the person took part, where that is as likely as not; 0.5 is
            a coin.
        found: share of those who took part that are found, while of those who did not one in a
            hundred is accused; 0.01 is blind.
        reconstructed: probability of naming or redrawing the record for those who could guess it
            with 1/1000; 0.001 is blind.
    """

    accuracy: float
    found: float
    reconstructed: float


BLIND: Final = Odds(0.5, FALSE_ALARMS, PRIOR)
"""The odds of an attacker who has seen nothing."""

CERTAIN: Final = Odds(1.0, 1.0, 1.0)
"""All that can be said where nothing protects: no bound."""


def odds(mechanisms: Sequence[Mechanism]) -> Odds:
    """The odds against somebody who sees all that these mechanisms released.

    From the trade-off curve of the mechanisms themselves (Dong, Roth, Su 2019): the accuracy is
    (1 + delta(0)) / 2, the other two are the power of the best test at false-positive rates 0.01
    and 0.001 (for reconstruction: Hayes, Mahloujifar, Balle 2023). Add-or-remove-one adjacency.
    At sampling rate 1 these are Phi(mu / 2) and Phi(Phi^-1(alpha) + mu); else they come from
    the privacy loss distribution, as upper bounds. Takes about half a second for each new one.

    Args:
        mechanisms: everything that was released, in any order.
    """
    return _odds(tuple(sorted(each for each in mechanisms if each.steps)))


def odds_of_promise(epsilon: float, delta: float) -> Odds:
    """The odds that an (epsilon, delta) guarantee by itself allows, whatever the mechanism.

    Kairouz, Oh, Viswanath 2015: a test's power is at most e^epsilon alpha + delta, and at most
    1 - e^-epsilon (1 - delta - alpha).

    Args:
        epsilon: >= 0; infinity promises nothing.
        delta: in [0, 1).

    Raises:
        BadInput: a value is out of its range.
    """
    check_range("delta", delta, "[0, 1)")
    if epsilon == math.inf:
        return CERTAIN
    check_range("epsilon", epsilon, "[0, inf)")
    return Odds(
        _accuracy(epsilon, delta),
        *(_power(epsilon, delta, alpha) for alpha in (FALSE_ALARMS, PRIOR)),
    )


@lru_cache(maxsize=256)
def _odds(mechanisms: tuple[Mechanism, ...]) -> Odds:
    if not mechanisms:
        return BLIND
    if any(each.noise_multiplier == 0 for each in mechanisms):
        return CERTAIN
    named, found = identification_bound(mechanisms, np.array([PRIOR, FALSE_ALARMS]))
    return Odds(_best_accuracy(mechanisms), float(found), float(named))


def _best_accuracy(mechanisms: tuple[Mechanism, ...]) -> float:
    """(1 + delta(0)) / 2, looked for among the bounds that single pairs give."""
    mu = math.sqrt(math.fsum(m.steps * (m.group / m.noise_multiplier) ** 2 for m in mechanisms))
    unsampled = float(ndtr(mu / 2))
    if all(each.sample_rate == 1 for each in mechanisms):
        return unsampled

    def bound(place: float) -> float:
        delta = float(expit(place))
        return _accuracy(composed_epsilon(mechanisms, delta, grid=COARSE), delta)

    # Sampling only lowers the total variation, so it lies below that of the unsampled mechanisms.
    highest = max(logit(min(2 * unsampled - 1, 1 - 1e-9)), logit(2 * _LEAST_DELTA))
    found = minimize_scalar(
        bound, bounds=(logit(_LEAST_DELTA), highest), method="bounded", options={"xatol": _CLOSE}
    )
    return min(max(float(found.fun), 0.5), unsampled)


def _accuracy(epsilon: float, delta: float) -> float:
    """(e^epsilon + delta) / (1 + e^epsilon), for any epsilon."""
    return float(1 - (1 - delta) * expit(-epsilon))


def _power(epsilon: float, delta: float, alpha: float) -> float:
    lines = (
        math.exp(min(epsilon, 700)) * alpha + delta,
        1 - math.exp(-epsilon) * (1 - delta - alpha),
    )
    return min(1.0, *lines)
