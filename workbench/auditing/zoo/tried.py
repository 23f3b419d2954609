"""What is told of each bug while the zoo is toured."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.runs.events import Event

NO_BUG = "none"
"""The row of the correct training."""


@dataclass(frozen=True, kw_only=True)
class Tried(Event):
    """One row of the table: a training with one bug, and which tests caught it.

    Attributes:
        bug: a key of ``BUGS``, or ``"none"`` for the correct training.
        title: in a few words.
        verdict: of the audit.
        says: the audit's sentence.
        caught_by: tests that falsify the claim, the surest first.
        p_values: of every test, by its name, in the order in which they were made.
        rooms: what every probe looks at, by its name; canary tests are left out.
        epsilons: lower bounds by the name of the canary test; ``epsilon_claimed`` is another.
        epsilon_claimed: what the accountant says of a correct training.
        seconds: of this audit, planning left out.
    """

    bug: str
    title: str
    verdict: str
    says: str
    caught_by: tuple[str, ...]
    p_values: dict[str, float]
    rooms: dict[str, str]
    epsilons: dict[str, float]
    epsilon_claimed: float
    seconds: float
