"""What the ledger panel knows: the accounts of this workspace, one of them, and the next run."""

from __future__ import annotations

from typing import Any

import traitlets as T

from workbench.accounting.ledger.accounts import Account, Point
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput
from workbench.panels.ledger_choices import BUDGET, LedgerChoices
from workbench.panels.ledger_reading import last_private, quick_outlook
from workbench.panels.ledger_words import (
    NOTHING_YET,
    READING,
    budget_words,
    next_words,
    notes_words,
    spent_words,
)
from workbench.panels.parts.latest import Latest, Watch
from workbench.runs.workspace import workspace


class LedgerModel(LedgerChoices):
    """One account of the ledger, and what a run that is not charged yet would add.

    Everything is read and reckoned in the background, and what anybody writes appears by itself.

    Attributes:
        state: ``"reading"`` before the first answer, ``"read"``, or ``"damaged"``.
        accounts: all of them, the newest data first.
        account: the one shown; ``None`` where there is none.
        points: its runs, the first one first.
        planned: the next run with its noise; ``None`` while that is not known or cannot be.
        price: what it comes to by itself, in words.
        outlook: what it would cost the account; ``None`` while that is not known.
        notes: what the sentence in :attr:`guarantee` leaves out.
        said: what the last press of a button has done.
        setting: whether a budget is being written down.
    """

    state = T.Enum(["reading", "read", "damaged"], "reading")
    accounts: T.List[Account] = T.List()
    account = T.Any(None)
    points: T.List[Point] = T.List()
    planned = T.Any(None)
    price = T.Unicode()
    outlook = T.Any(None)
    notes = T.Unicode()
    said = T.Unicode()
    setting = T.Bool(False)

    def __init__(self, **params: Any) -> None:
        self.ledger = Ledger(workspace())
        self.looking, self.writing = Latest("ledger"), Latest("budget")
        self._seen: object = self  # no stamp is equal to it
        self._shown = ""
        super().__init__(**params)
        self.observe(self._say, ["state", "account", "points", "planned", "outlook", "errors"])
        self._say()
        self.guarded(self.check)
        self._watch = Watch(self.look_again)

    # What a person does. All return at once.

    def check(self) -> None:
        """Refuse a next run that cannot be; what others come to is reckoned in the background."""
        self.planned = self.outlook = None
        self.price = ""
        try:
            self.check_plan()
        finally:
            self.looking.ask(self.guard(self._look))

    def set_budget(self) -> None:
        """Write the chosen budget down in place of the one there was.

        Raises:
            BadInput: a value lies outside its range.
        """
        with self.lock:
            if self.account is None or self.setting or self.errors.keys() & {*BUDGET}:
                return
            account, budget = self.account, self.budget()
            self.setting, self.said, self.message = True, "", ""
            self.writing.ask(self.guard(lambda: self._write(account, budget)))

    def look_again(self) -> None:
        """Read the ledger if somebody has written."""
        self.guarded(self._glance)

    def close(self) -> None:
        """Look no more."""
        self._watch.close()
        super().close()

    # What happens in the background; the lock is held only to hand results over.

    def _glance(self) -> None:
        if self._stamp() != self._seen:
            self.looking.ask(self.guard(self._look))

    def _look(self) -> None:
        """The accounts, the history of one, the next run; what is known first is shown first."""
        stamp = self._stamp()
        try:
            if stamp != self._seen or self.data != self._shown:
                self._read()
            if self.looking.superseded:
                return
            self._reckon()
        except BadInput as error:
            self._refused(error)
        self._seen = stamp

    def _read(self) -> None:
        data, accounts = self.data, self.ledger.accounts()[::-1]
        if not self._hand_over(accounts=accounts):
            return
        if not data and accounts:
            data = accounts[0].fingerprints[0]
        account = self.ledger.account(data) if data else None
        mark = account.fingerprints[0] if account else ""
        with self.lock:
            if self.looking.superseded:
                return
            another, self._shown = mark != self._shown, mark
            if another:
                self.points, self.said = [], ""
            self.data, self.account = mark, account
        if account is not None:
            self._read_history(account, another)

    def _read_history(self, account: Account, another: bool) -> None:
        points = self.ledger.history(account.fingerprints[0])
        with self.lock:
            # Wrong only where another account is wanted by now; other wishes change no history.
            if self.data == self._shown == account.fingerprints[0]:
                self.points = points
                if another:
                    self.follow(account, last_private(points))

    def _reckon(self) -> None:
        """The next run by itself, a first answer for the account, then the ledger's own."""
        planned, price = self.priced()
        account, points = self.account, self.points
        if not self._hand_over(planned=planned, price=price) or account is None:
            return
        if planned.why:
            return  # no number to wait for
        first = quick_outlook(account, points, planned)
        if first is not None and not self._hand_over(outlook=first):
            return
        self._hand_over(outlook=self.ledger.would_cost(account.fingerprints[0], planned))

    def _refused(self, error: BadInput) -> None:
        """A choice cannot be used; or, where no choice is to blame, the ledger cannot be read."""
        with self.lock:
            if error.field is None:
                self.points, self._shown = [], ""
                self.account = self.planned = self.outlook = None
                self.state = "damaged"
                self.complain(error.message)
            elif not self.looking.superseded:
                if error.field == "data":
                    self.account, self.points, self._shown = None, [], ""
                self.refuse(error.message, error.field)

    def _hand_over(self, **results: Any) -> bool:
        """Show what was found out, unless somebody has asked for something else meanwhile."""
        with self.lock:
            if self.looking.superseded:
                return False
            if self.state == "damaged":
                self.message = self.details = ""
            self.state = "read"
            for name, value in results.items():
                setattr(self, name, value)
            return True

    def _write(self, account: Account, budget: Budget) -> None:
        try:
            now = self.ledger.set_budget(account.fingerprints[0], **vars(budget))
        finally:
            self.setting = False
        with self.lock:
            self.said = budget_words(now, account.budget)
            self._own -= {*BUDGET}
        self.looking.ask(self.guard(self._look))

    def _stamp(self) -> object:
        try:
            return self.ledger.stamp()
        except OSError as error:
            return str(error)  # whoever reads next finds out what it is, and says so

    # What is said.

    def _say(self, _change: Any = None) -> None:
        with self.lock:
            account = self.account
            if account is None:
                empty = self.state == "read" and not self.accounts
                self.guarantee = NOTHING_YET if empty else READING * (self.state == "reading")
                self.tone, self.notes = "quiet", ""
                return
            said, self.tone = spent_words(account)
            wrong = self.errors.keys() - {*BUDGET, "data"}
            coming = "" if wrong else f"; {next_words(account, self.planned, self.outlook)}"
            self.guarantee = f"{said}{coming}."
            self.notes = notes_words(account, self.points)
