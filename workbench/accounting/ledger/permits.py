"""Whether a run may begin."""

from __future__ import annotations

import math

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.accounts import room_for
from workbench.accounting.ledger.book import Book
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.charges import Charge
from workbench.accounting.ledger.totals import total
from workbench.errors import BadInput


def permit(book: Book, charge: Charge) -> str:
    """Hold a charge that is not yet made against every budget of its account.

    Returns:
        A sentence where a budget that only warns would be exceeded; empty where none would be.

    Raises:
        BadInput: a budget that stops runs would be exceeded.
    """
    warning = ""
    for budget in sorted(
        book.budgets_on(book.account_of(charge.fingerprint)), key=lambda budget: budget.policy
    ):
        said = _objection(book, charge, budget)
        if said and budget.policy == "stop":
            raise BadInput(said, field="steps" if charge.protected else "noise")
        warning = warning or said
    return warning


def _objection(book: Book, charge: Charge, budget: Budget) -> str:
    if not charge.protected:
        return (
            f"{charge.name} has a budget of {budget}, and this run protects nobody "
            f"({charge.planned.why}), so it would cost an infinite epsilon; train with secure "
            "noise, or on data without such a budget."
        )
    others = book.beside(charge)
    planned = [*others, book.worst(charge)]
    if budget.covers(planned):
        return ""
    before, after = total(others, budget.delta), total(planned, budget.delta)
    return (
        f"{charge.name} has a budget of {budget}: {round_up(before)} is spent and this run would "
        f"add {round_up(after - before)}, {round_up(after)} in all; "
        f"{_cure(before, budget, room_for(book, charge))}."
    )


def _cure(before: float, budget: Budget, room: int) -> str:
    if room > 0:
        return f"at most {room} of its steps fit, or take more noise"
    if before >= budget.epsilon or math.isinf(before):
        return "nothing fits any more"
    return "not one step of it fits, so take more noise"
