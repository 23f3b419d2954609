"""The hold that a running run has on its charge."""

from __future__ import annotations

from typing import Protocol

from workbench.accounting.ledger.charges import Charge
from workbench.accounting.ledger.journal import Stamp


class Keeper(Protocol):
    """What a reservation needs of its ledger."""

    def stamp(self) -> Stamp:
        """Something that differs once anybody has written."""
        ...

    def room(self, run: str, fingerprint: str) -> int:
        """Steps that the run may have taken in all."""
        ...

    def settle(self, run: str, fingerprint: str, steps: int) -> Charge:
        """Charge the steps counted."""
        ...


class Reservation:
    """A run that was charged in full and may begin. For one thread.

    Args:
        ledger: where it was charged.
        charge: as it was made.
        warning: a sentence where a budget that only warns is exceeded; else empty.
        notice: a sentence where other data of this name have an account of their own; else empty.
    """

    def __init__(self, ledger: Keeper, charge: Charge, *, warning: str, notice: str) -> None:
        self.charge, self.warning, self.notice = charge, warning, notice
        self._ledger = ledger
        # What was reserved under the lock fits; the first look tells whether that has changed.
        self._seen: Stamp | None = None
        self._room = -1

    def within(self, steps: int) -> bool:
        """Whether the run may have taken so many steps in all; ask before taking the last of them.

        False beyond the steps reserved, and where a budget that stops runs, as it is now, would be
        exceeded by this many steps and all other charges on the account. Other processes may lower
        the budget meanwhile. Costs microseconds while nobody has written.

        Raises:
            LedgerDamaged: somebody has damaged the ledger meanwhile.
        """
        stamp = self._ledger.stamp()
        if self._room < 0 or stamp != self._seen:
            # The stamp is older than what is read now, so nothing that happens between is missed.
            self._room = self._ledger.room(self.charge.run, self.charge.fingerprint)
            self._seen = stamp
        return steps <= self._room

    @property
    def stopped(self) -> str:
        """The sentence for a run that :meth:`within` has stopped."""
        return (
            f"The budget of {self.charge.name} allows this run {max(self._room, 0)} of its "
            f"{self.charge.planned.steps} steps; it stops there."
        )

    def settle(self, steps: int) -> Charge:
        """Report the run's end: from now on it is charged for the steps counted.

        Args:
            steps: that the mechanism has counted over all attempts of this run, >= 0.

        Raises:
            BadInput: fewer than an earlier attempt has reported, and the charge stays in full; or
                more than were reserved, and all of them are charged.
            LedgerDamaged: somebody has damaged the ledger meanwhile; the charge stays in full.
        """
        self.charge = self._ledger.settle(self.charge.run, self.charge.fingerprint, steps)
        return self.charge
