"""One training seen by every accountant, with the reasons of those that cannot say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.accounting.accountants import ACCOUNTANTS, APPROXIMATE, epsilon_by
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Epsilon by several accountants.

    Attributes:
        bounds: upper bounds of epsilon.
        approximations: values that may lie below the truth; never a guarantee.
        missing: accountants without a number, each with a sentence that says why.
    """

    bounds: dict[str, float]
    approximations: dict[str, float]
    missing: dict[str, str]


def compare(
    mechanism: Mechanism, delta: float, *, accountants: tuple[str, ...] = ACCOUNTANTS
) -> Comparison:
    """Ask the accountants in turn; one that has no answer does not keep the others from it.

    Args:
        mechanism: the training; its ``group`` is not looked at, only PLD knows of such.
        delta: in (0, 1).
        accountants: which ones.

    Raises:
        BadInput: an accountant is unknown, or the only one that was asked has no answer.
    """
    found = Comparison(bounds={}, approximations={}, missing={})
    for name in accountants:
        try:
            epsilon = epsilon_by(
                name,
                noise_multiplier=mechanism.noise_multiplier,
                sample_rate=mechanism.sample_rate,
                steps=mechanism.steps,
                delta=delta,
            )
        except BadInput as refusal:
            if len(accountants) == 1 or name not in ACCOUNTANTS:
                raise
            found.missing[name] = refusal.message
            continue
        if math.isinf(epsilon):
            found.missing[name] = "It gives no finite epsilon here."
        else:
            (found.approximations if name in APPROXIMATE else found.bounds)[name] = epsilon
    return found
