"""What is read from the ledger and reckoned with it, apart from any panel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from workbench.accounting.ledger.accounts import Account, Outlook, Point
from workbench.accounting.ledger.charges import Charge
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Planned
from workbench.accounting.ledger.totals import total

COARSE: Final = 1e-2
"""Grid of first answers, which come several times as fast and are up to a hundredth higher."""


class Together(NamedTuple):
    """What some runs have cost the patients whom they share.

    Attributes:
        private: how many of the runs protect.
        bare: how many do not.
        epsilon: of those that protect, composed, per patient.
        others: further protected runs on the same patients.
        all_epsilon: with these.
        delta: of both.
    """

    private: int
    bare: int
    epsilon: float
    others: int
    all_epsilon: float
    delta: float


def together(ledger: Ledger, runs: Collection[str]) -> Together | None:
    """Look runs on the same data up in the ledger; may take a second.

    Args:
        ledger: of the workspace that the runs are recorded in.
        runs: their ids.

    Returns:
        ``None`` where none of them that protects was ever charged.

    Raises:
        BadInput: the ledger is damaged.
    """
    if not runs:
        return None
    for account in reversed(ledger.accounts()):
        mine = [one for one in ledger.charges(account.fingerprints[0]) if one.run in runs]
        if mine:
            return _sum(account, mine)
    return None


def quick_outlook(account: Account, points: Sequence[Point], planned: Planned) -> Outlook | None:
    """What a run would cost, an upper bound in a fraction of the ledger's own time.

    Returns:
        ``None`` where only the ledger can say it: a run whose unit is the slice counts by the
        largest patient, and one close to its budget by a finer grid.
    """
    if planned.unit == "slice" or planned.why:
        return None
    delta = account.delta or planned.delta
    others = [point.charge.mechanism for point in points if point.charge.protected]
    after = total([*others, planned.mechanism(1)], delta, grid=COARSE)
    budget = account.budget
    if budget is not None and budget.epsilon < after <= 1.02 * budget.epsilon:
        return None
    return Outlook(before=account.epsilon, after=after, delta=delta, budget=budget, room=None)


def last_private(points: Sequence[Point]) -> Planned | None:
    """The last run that protects, as it was planned; ``None`` where there is none."""
    plans = [point.charge.planned for point in points if point.charge.protected]
    return plans[-1] if plans else None


def _sum(account: Account, mine: Sequence[Charge]) -> Together | None:
    private = [charge for charge in mine if charge.protected]
    if not private or account.delta is None:
        return None
    count = len({charge.run for charge in private})
    others = account.runs - account.unprotected - count
    alone = total([charge.mechanism for charge in private], account.delta)
    return Together(
        private=count,
        bare=len({charge.run for charge in mine}) - count,
        epsilon=alone if others else account.epsilon,
        others=others,
        all_epsilon=account.epsilon,
        delta=account.delta,
    )
