"""The ledger of a workspace: what every run has cost the patients it learned from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.accounting.ledger import verdict
from workbench.accounting.ledger.accounts import (
    Account,
    Outlook,
    Point,
    account_from,
    history_from,
    outlook_from,
    room_for,
)
from workbench.accounting.ledger.book import Book, Linked
from workbench.accounting.ledger.budget import Budget, Policy
from workbench.accounting.ledger.chain import LedgerDamaged
from workbench.accounting.ledger.charges import Charge, reserve_line
from workbench.accounting.ledger.entries import LineFault
from workbench.accounting.ledger.journal import Journal, Stamp
from workbench.accounting.ledger.names import find, namesakes
from workbench.accounting.ledger.permits import permit
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.accounting.ledger.reservation import Reservation
from workbench.errors import BadInput


class Ledger:
    """Charges, budgets and data sets of one workspace, in files that several processes share.

    Threads may share a ledger. Making one reads nothing; each call reads what is new. The unit of
    every total is the patient.

    Args:
        folder: the workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._guard = threading.RLock()
        self._folder = folder
        self._journal = Journal(folder)
        self._book = Book()

    def reserve(self, identity: Identity, plan: Planned, *, run: str) -> Reservation:
        """Charge a run in full before its first step.

        A resumed run reserves again under its own id, with the steps of all its attempts: it is
        charged for one run, in full until it reports its end. One process at a time may be at work
        on a run.

        Args:
            identity: of the data.
            plan: of the run.
            run: the run's id.

        Raises:
            BadInput: a budget that stops runs would be exceeded, or the run was reserved with
                other settings before; nothing is charged.
            LedgerDamaged: the ledger is not what was written; nothing is charged.
        """
        with self._changing() as book:
            charge = _charge(book, identity, plan, run)
            warning = permit(book.having(identity), charge)
            met = book.unmet(identity)
            self._write(*([met] if met else []), reserve_line(identity, charge.planned, run))
            notice = namesakes(book, identity)
            made = book.charges[run, identity.fingerprint]
        return Reservation(self, made, warning=warning, notice=notice)

    def settle(self, run: str, fingerprint: str, steps: int) -> Charge:
        """What :meth:`Reservation.settle` does."""
        with self._changing() as book:
            charge = book.charges.get((run, fingerprint))
            if charge is None:
                raise BadInput(f"Run {run} was never reserved on these data.", field="run")
            if type(steps) is not int or steps < 0:
                raise BadInput(f"{steps!r} is no number of steps that a run can have taken.")
            if steps < charge.counted and not charge.planned.why:
                raise BadInput(
                    f"Run {run} reports {steps} steps, but it has reported {charge.counted} before "
                    "and cannot have taken fewer; its charge stays in full.",
                    field="steps",
                )
            steps_so_far = max(steps, charge.counted)
            if not charge.settled or steps_so_far > charge.counted:
                self._write(
                    ("settle", {"run": run, "fingerprint": fingerprint, "steps": steps_so_far})
                )
            charge = book.charges[run, fingerprint]
        if steps > charge.planned.steps:
            raise BadInput(
                f"Run {run} has taken {steps} steps and had reserved {charge.planned.steps}; all "
                "of them are charged, and the budget may be exceeded.",
                field="steps",
            )
        return charge

    def room(self, run: str, fingerprint: str) -> int:
        """Steps that a run may have taken in all: those reserved, or fewer if a budget stops it."""
        book = self._now()
        charge = book.charges[run, fingerprint]
        return room_for(book, charge, policy="stop")

    def set_budget(
        self, account: Identity | str, *, epsilon: float, delta: float, policy: Policy = "stop"
    ) -> Account:
        """Set the budget of an account, in place of those it had.

        A budget may be set below what is spent; ``left`` of the account returned is then below 0.

        Args:
            account: a data set of it, its name, or six or more characters of its fingerprint.
            epsilon: > 0.
            delta: in (0, 1).
            policy: ``"stop"`` or ``"warn"``.

        Raises:
            BadInput: a value lies outside its range, or no single account is meant.
            LedgerDamaged: the ledger is not what was written.
        """
        budget = Budget(epsilon=float(epsilon), delta=float(delta), policy=policy)
        with self._changing() as book:
            met = book.unmet(account) if isinstance(account, Identity) else None
            if isinstance(account, Identity):
                name, mark = account.name, account.fingerprint
            else:
                data = find(book, account)
                name, mark = data.names[0], data.fingerprint
            fields = {"name": name, "fingerprint": mark, **vars(budget)}
            self._write(*([met] if met else []), ("budget", fields))
            book = book.snapshot()
        return account_from(book, book.account_of(mark))

    def accounts(self) -> list[Account]:
        """Every account, in the order in which their first data set was met."""
        book = self._now()
        return [account_from(book, linked) for linked in book.accounts()]

    def account(self, which: Identity | str) -> Account:
        """One account.

        Raises:
            BadInput: no single account is meant, or nothing is known of these data.
        """
        book = self._now()
        return account_from(book, _linked(book, which))

    def charges(self, account: Identity | str) -> list[Charge]:
        """The runs of an account as they are charged now, in the order in which they began.

        Composes nothing, so it is quick however long the history.

        Raises:
            BadInput: no single account is meant, or nothing is known of these data.
        """
        book = self._now()
        return book.on(_linked(book, account))

    def history(self, account: Identity | str) -> list[Point]:
        """One point for each run of an account.

        Every point composes all runs before it, so the first call takes a while on a long history.

        Raises:
            BadInput: no single account is meant, or nothing is known of these data.
        """
        book = self._now()
        return history_from(book, _linked(book, account))

    def would_cost(self, account: Identity | str, planned: Planned) -> Outlook:
        """What an account would come to with a run that is not charged yet.

        Args:
            account: a data set, met or not; or a name or fingerprint of one that was.
            planned: the run.

        Raises:
            BadInput: no single account is meant.
        """
        book = self._now()
        if isinstance(account, str):
            data = find(book, account)
            account = Identity(
                data.names[0],
                data.fingerprint,
                tuple(data.slices),
                data.patients,
                data.largest_patient,
            )
        return outlook_from(book.having(account), _charge(book, account, planned, ""))

    def verify(self, head: str | None = None) -> verdict.Verdict:
        """Read everything anew; see :func:`workbench.accounting.ledger.verdict.verify`."""
        return verdict.verify(self._folder, head)

    def stamp(self) -> Stamp:
        """Something that differs once anybody has written."""
        return self._journal.stamp()

    def _now(self) -> Book:
        """The state as it is now, for reading without keeping anybody waiting."""
        with self._guard, self._journal.locked(alone=False):
            self._catch_up()
            return self._book.snapshot()

    @contextmanager
    def _changing(self) -> Iterator[Book]:
        with self._guard, self._journal.locked(alone=True):
            self._catch_up()
            yield self._book

    def _catch_up(self) -> None:
        entries, again = self._journal.news()
        if again:
            self._book = Book()
        for entry in entries:
            try:
                self._book.take(entry)
            except LineFault as fault:
                self._journal = Journal(self._folder)
                raise LedgerDamaged.at(
                    self._journal.path, f"line {entry['line']} {fault}"
                ) from None

    def _write(self, *records: tuple[str, dict[str, Any]]) -> None:
        for entry in self._journal.append(*records):
            self._book.take(entry)


def _charge(book: Book, identity: Identity, plan: Planned, run: str) -> Charge:
    """What a run would be charged, with what it was charged before."""
    earlier = book.charges.get((run, identity.fingerprint))
    if earlier is not None:
        return earlier.reserved_again(plan)
    return Charge(
        run=run,
        name=identity.name,
        fingerprint=identity.fingerprint,
        at="",
        planned=plan,
        group=plan.mechanism(identity.largest_patient).group,
    )


def _linked(book: Book, which: Identity | str) -> Linked:
    if isinstance(which, str):
        return book.account_of(find(book, which).fingerprint)
    if which.fingerprint not in book.data:
        raise BadInput(f"Nothing was ever charged on {which.name}.", field="data")
    return book.account_of(which.fingerprint)
