"""An account of the ledger in words and table rows, every number rounded so that it still holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.accounts import Account, Outlook, Point
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.plans import Planned
from workbench.figures.ledger import local
from workbench.panels.parts.words import Tone

COLUMNS: Final = ("began", "run", "unit", "noise", "steps charged", "ε alone", "ε together")

NOTHING_YET: Final = (
    "Nothing has been charged in this workspace yet: train something, and what its patients have "
    "spent is added up here."
)
READING: Final = "Reading the ledger …"


def account_words(account: Account) -> str:
    """An account in a line of a list: ``"liver (200 patients)"``."""
    return f"{account.name} ({_many(account.patients, 'patient')})"


def account_help(account: Account) -> str:
    """What the list has no room for."""
    others = [name for name in account.names if name != account.name]
    also = f"; also called {', '.join(others)}" if others else ""
    return f"{_many(account.runs, 'run')}, {_many(account.slices, 'slice')}{also}"


def spent_words(account: Account) -> tuple[str, Tone]:
    """What the patients of an account have spent, without a full stop; and the tone."""
    private = account.runs - account.unprotected
    if not private or account.delta is None:
        nothing = f"Patients of {account.name} have spent nothing in a private run yet"
        return nothing, "open" if account.unprotected else "quiet"
    said = (
        f"Patients of {account.name} have spent ε = {round_up(account.epsilon)} at "
        f"δ = {brief(account.delta)} over {_many(private, 'private run')}"
    )
    return said, "open" if account.unprotected else "private"


def next_words(account: Account, planned: Planned | None, outlook: Outlook | None) -> str:
    """What the next run would bring the account to, as the second half of the sentence.

    Args:
        account: that is shown.
        planned: the next run; ``None`` while its noise is not known.
        outlook: what it would cost; ``None`` while that is not known.
    """
    if planned is not None and planned.why:
        return f"the next run would protect nobody ({planned.why})"
    if planned is None or outlook is None:
        return "what the next run would cost is being worked out …"
    after, budget = outlook.after, outlook.budget
    if budget is None:
        at = "" if account.delta else f" at δ = {brief(outlook.delta)}"
        return f"the next run would bring it to {round_up(after)}{at}; there is no budget"
    allowed = _exactly(budget.epsilon)
    if after <= budget.epsilon or outlook.room == planned.steps:
        # The ledger decides on a finer grid than that of the totals it shows.
        within = round_up(min(after, budget.epsilon))
        return f"the next run would bring it to {within} of the {allowed} allowed"
    said = f"the next run would bring it to {round_up(after)}, above the {allowed} allowed"
    if outlook.room is None:
        return said
    means = "would not start" if budget.policy == "stop" else "would start with a warning"
    return f"{said}, and {means}: {_room(outlook.room, planned.steps)}"


def notes_words(account: Account, points: Sequence[Point]) -> str:
    """What the number leaves out, or counts in a way of its own."""
    return " ".join(filter(None, (_unprotected(account), _slices(points), _open(account))))


def budget_words(account: Account, before: Budget | None) -> str:
    """What setting a budget has done."""
    budget, left = account.budget, account.left
    assert budget is not None
    assert left is not None
    instead = "" if before is None else f" instead of {before.epsilon:g}"
    rest = f"{round_down(left)} is left" if left >= 0 else f"{round_up(-left)} too much is spent"
    means = "do not start" if budget.policy == "stop" else "start with a warning"
    return (
        f"{account.name} has a budget of ε = {budget.epsilon:g}{instead} at "
        f"δ = {brief(budget.delta)} per patient; {rest}. Runs that would exceed it {means}."
    )


def budget_heading(budget: Budget | None) -> str:
    """The words to unfold the budget's controls by."""
    return "Budget: none" if budget is None else f"Budget: ε = {budget.epsilon:g}, {budget.policy}"


def run_rows(points: Sequence[Point]) -> list[list[str]]:
    """One row for each run, the newest first."""
    return [_row(point) for point in reversed(points)]


def brief(number: float) -> str:
    """A delta as a person writes it: ``"1e-5"``, ``"0.001"``."""
    return f"{number:g}".replace("e-0", "e-")


def round_down(epsilon: float) -> str:
    """What is left of a budget, never said to be more than it is."""
    return f"{math.floor(round(100 * epsilon, 6)) / 100:.2f}"


def _exactly(epsilon: float) -> str:
    """Two decimals, or more where somebody has typed more: nothing is rounded here."""
    said = f"{epsilon:.2f}"
    return said if float(said) == epsilon else f"{epsilon:g}"


def _room(room: int, steps: int) -> str:
    return f"{room:,} of its {steps:,} steps would fit" if room else "not one step of it fits"


def _unprotected(account: Account) -> str:
    if not account.unprotected:
        return ""
    one = account.unprotected == 1
    was, its = ("was without protection and is", "its") if one else (
        "were without protection and are", "their"
    )  # fmt: skip
    return (
        f"{_many(account.unprotected, 'run')} {was} not counted here: whoever has seen {its} "
        "results has no guarantee."
    )


def _slices(points: Sequence[Point]) -> str:
    groups = [
        point.charge.group
        for point in points
        if point.charge.planned.unit == "slice" and point.charge.protected
    ]
    if not groups:
        return ""
    runs = "1 run protects" if len(groups) == 1 else f"{len(groups)} runs protect"
    counted = "it is counted" if len(groups) == 1 else "they are counted"
    most = f"the patient with most, {_many(max(groups), 'slice')}"
    return f"{runs} single slices; {counted} for {most}."


def _open(account: Account) -> str:
    if not account.open:
        return ""
    one = account.open == 1
    have, they = (
        ("has not reported its", "it is") if one else ("have not reported their", "they are")
    )
    return f"{_many(account.open, 'run')} {have} end, so {they} charged in full."


def _row(point: Point) -> list[str]:
    charge, plan = point.charge, point.charge.planned
    unit = plan.unit if charge.group == 1 else f"slice, {charge.group} of one patient"
    return [
        local(point.at).strftime("%d %b %H:%M"),
        f"…{charge.run[-6:]}",
        unit if charge.protected else "no protection",
        f"{plan.noise_multiplier:.3g}",
        f"{charge.steps:,}" if charge.settled else f"{charge.steps:,} (in full)",
        round_up(point.alone),
        round_up(point.epsilon),
    ]


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
