"""What a person wants to know of an account: its total, its history, and what a run would add."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.accounting.ledger.book import Book, Linked
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.charges import Charge
from workbench.accounting.ledger.plans import distinct_slices
from workbench.accounting.ledger.totals import total


@dataclass(frozen=True, kw_only=True)
class Account:
    """Data sets that share slices, and all that was ever charged on any of them.

    Attributes:
        name: the first name under which any of them was met.
        names: all of them.
        fingerprints: one for each data set.
        slices: distinct slices in all of them.
        patients: of the data set that has most.
        runs: charged here, those without protection included.
        unprotected: runs that protect nobody.
        open: runs charged in full because they have not reported their end.
        epsilon: of the protected runs composed, per patient, at ``delta``.
        delta: the budget's; else the smallest of the protected runs; ``None`` without either.
        budget: the one with least left, where there are several; ``None`` where there is none.
    """

    name: str
    names: tuple[str, ...]
    fingerprints: tuple[str, ...]
    slices: int
    patients: int
    runs: int
    unprotected: int
    open: int
    epsilon: float
    delta: float | None
    budget: Budget | None

    @property
    def epsilon_if_all_seen(self) -> float:
        """What it comes to for somebody who also sees what the unprotected runs made."""
        return math.inf if self.unprotected else self.epsilon

    @property
    def left(self) -> float | None:
        """Epsilon of the budget that is not spent; below 0 where it is overspent."""
        return None if self.budget is None else self.budget.epsilon - self.epsilon


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run of an account, and what the account came to with it.

    Attributes:
        at: when the run was first reserved, ISO-8601 in UTC.
        charge: as it stands now.
        alone: epsilon of this run by itself, per patient; infinite where it protects nobody.
        epsilon: of the protected runs up to this one, composed, per patient.
        delta: of both; ``None`` where no run protects.
    """

    at: str
    charge: Charge
    alone: float
    epsilon: float
    delta: float | None

    @property
    def run(self) -> str:
        return self.charge.run


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What a planned run would cost.

    Attributes:
        before: epsilon of the account's protected runs, per patient.
        after: with the planned run; infinite where that protects nobody.
        delta: of both.
        budget: of the account, ``None`` where there is none.
        room: steps of the planned run that fit into every budget, up to all; ``None`` without one.
    """

    before: float
    after: float
    delta: float
    budget: Budget | None
    room: int | None


def account_from(book: Book, linked: Linked) -> Account:
    """The account of these linked data sets."""
    sets = [data for mark, data in book.data.items() if mark in linked]
    charges = book.on(linked)
    budget, delta = tightest(book, linked), delta_of(book, linked)
    return Account(
        name=sets[0].names[0],
        names=tuple(dict.fromkeys(name for data in sets for name in data.names)),
        fingerprints=tuple(data.fingerprint for data in sets),
        slices=distinct_slices(frozenset[str]().union(*(data.slices for data in sets))),
        patients=max(data.patients for data in sets),
        runs=len({charge.run for charge in charges}),
        unprotected=len({charge.run for charge in charges if not charge.protected}),
        open=len({charge.run for charge in charges if not charge.settled}),
        epsilon=0.0 if delta is None else total(book.mechanisms(linked), delta),
        delta=delta,
        budget=budget,
    )


def history_from(book: Book, linked: Linked) -> list[Point]:
    """One point for each charge, in the order in which the runs began."""
    delta = delta_of(book, linked)
    so_far, points = [], []
    for charge in book.on(linked):
        mechanism = book.worst(charge)
        if charge.protected:
            so_far.append(mechanism)
        points.append(
            Point(
                at=charge.at,
                charge=charge,
                alone=total([mechanism], delta) if charge.protected and delta else math.inf,
                epsilon=total(so_far, delta) if delta else 0.0,
                delta=delta,
            )
        )
    return points


def outlook_from(book: Book, charge: Charge) -> Outlook:
    """What an account would come to with a charge that is not yet made."""
    linked = book.account_of(charge.fingerprint)
    budget = tightest(book, linked)
    delta = delta_of(book, linked) or charge.planned.delta
    others = book.beside(charge)
    planned = book.worst(charge)
    return Outlook(
        before=total(others, delta) if others else 0.0,
        after=total([*others, planned], delta) if charge.protected else math.inf,
        delta=delta,
        budget=budget,
        room=None if budget is None else room_for(book, charge),
    )


def room_for(book: Book, charge: Charge, *, policy: str | None = None) -> int:
    """The most steps of a charge, up to those planned, that every budget of the account covers.

    Args:
        book: the state.
        charge: made already or not; its own earlier charge does not count.
        policy: look only at budgets of this policy.
    """
    room = charge.planned.steps
    others = book.beside(charge)
    for budget in book.budgets_on(book.account_of(charge.fingerprint)):
        if policy is None or budget.policy == policy:
            planned = charge.planned.mechanism(book.worst(charge).group, room)
            room = min(room, budget.room(others, planned)) if charge.protected else 0
    return room


def tightest(book: Book, linked: Linked) -> Budget | None:
    """The budget with least left."""
    spent = book.mechanisms(linked)
    return min(
        book.budgets_on(linked),
        key=lambda budget: budget.epsilon - total(spent, budget.delta),
        default=None,
    )


def delta_of(book: Book, linked: Linked) -> float | None:
    """The delta at which an account is told: the budget's, else the smallest of its runs."""
    budget = tightest(book, linked)
    if budget is not None:
        return budget.delta
    return min((c.planned.delta for c in book.on(linked) if not c.planned.why), default=None)
