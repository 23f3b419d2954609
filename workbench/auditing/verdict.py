"""One decision from many tests, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.auditing.finding import Finding
from workbench.auditing.power import BY_CANARIES, FIVE_PERCENT

NOTHING_FOUND, FALSIFIED = "no violation found", "claim falsified"

MOST_TESTS = 64
"""No audit makes more; what is this unlikely by itself decides before the others are known."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What all tests of an audit say together.

    Attributes:
        caught_by: tests that falsify the claim, the surest first; empty where none does.
        accepted: tests that would falsify it if their outcome had not been accepted beforehand.
        says: one sentence.
    """

    caught_by: tuple[str, ...]
    accepted: tuple[str, ...]
    says: str

    @property
    def words(self) -> str:
        return FALSIFIED if self.caught_by else NOTHING_FOUND


def judge(
    findings: Sequence[Finding],
    level: float,
    power: Mapping[str, float],
    accepted: Sequence[str] = (),
) -> Verdict:
    """Decide.

    Args:
        findings: of all tests, those on canaries too.
        level: probability that a correct training is called broken, all tests together.
        power: how likely flaws would have been noticed, by name.
        accepted: tests whose outcome is known and does not decide.
    """
    fallen = refuted([finding.p_value for finding in findings], level)
    speaking = [findings[number] for number in fallen]
    caught = [found for found in speaking if found.test not in accepted]
    known = tuple(found.test for found in speaking if found.test in accepted)
    if not caught:
        besides = f" besides {', '.join(known)} (accepted)" if known else ""
        return Verdict(
            caught_by=(), accepted=known, says=f"{NOTHING_FOUND}{besides}; {_noticed(power)}"
        )
    return Verdict(
        caught_by=tuple(found.test for found in caught),
        accepted=known,
        says=f"{FALSIFIED} by {caught[0].test}: {caught[0].says}",
    )


def refuted(p_values: Sequence[float], level: float) -> list[int]:
    """Which hypotheses fall, most unlikely first, with at most ``level`` for any wrong one (Holm).

    Args:
        p_values: each in [0, 1].
        level: family-wise, in (0, 1).
    """
    order = sorted(range(len(p_values)), key=lambda number: p_values[number])
    fallen: list[int] = []
    for number in order:
        if p_values[number] > level / (len(p_values) - len(fallen)):
            break
        fallen.append(number)
    return fallen


def certain(p_value: float, level: float) -> bool:
    """Whether a test decides by itself, before the others have been made."""
    return p_value <= level / MOST_TESTS


def _noticed(power: Mapping[str, float]) -> str:
    whole, canaries = (chance_in_words(power[name]) for name in (FIVE_PERCENT, BY_CANARIES))
    return (
        f"this test would have noticed 5 % too little noise with probability {whole} "
        f"(by its canaries alone: {canaries})"
    )


def chance_in_words(chance: float) -> str:
    """Two digits, and never 0 or 1, which no probability of noticing is."""
    if chance > 0.99:
        return "above 0.99"
    return "below 0.01" if chance < 0.01 else f"{chance:.2f}"
