"""What panels look up in the ledger, and how they say it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.ledger.accounts import Account, Outlook
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.chain import LedgerDamaged
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.panels.ledger_reading import Together, quick_outlook, together
from workbench.panels.ledger_words import budget_words, next_words, round_down, spent_words

LIVER = Identity("liver", "a" * 16, tuple("abcdefgh"), patients=4, largest_patient=2)
LUNG = Identity("lung", "b" * 16, tuple("ijkl"), patients=3, largest_patient=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def plan(**other: Any) -> Planned:
    values = {"noise_multiplier": 8.0, "sample_rate": 1.0, "steps": 100, "delta": 1e-4}
    return Planned(**{**values, **other})


def sampled(noise: float, **other: Any) -> Planned:
    return plan(**{"noise_multiplier": noise, "sample_rate": 0.05, "steps": 200, **other})


def test_runs_are_composed_apart_from_the_others_on_their_patients(ledger: Ledger) -> None:
    ledger.reserve(LUNG, plan(), run="elsewhere").settle(100)
    for run in ("r1", "r2", "r3"):
        ledger.reserve(LIVER, plan(), run=run).settle(30)
    ledger.reserve(LIVER, plan(unprotected="no privacy"), run="bare").settle(30)
    found = together(ledger, {"r1", "r3", "bare", "unknown"})
    assert found is not None
    assert found._replace(epsilon=0, all_epsilon=0) == Together(2, 1, 0, 1, 0, 1e-4)
    assert found.epsilon == pytest.approx(gaussian_epsilon(8.0, 60, 1e-4), rel=1e-3)
    assert found.all_epsilon == pytest.approx(gaussian_epsilon(8.0, 90, 1e-4), rel=1e-3)
    every = together(ledger, {"r1", "r2", "r3"})
    assert every is not None
    assert every.epsilon == every.all_epsilon


def test_runs_that_were_never_charged_have_no_sum(ledger: Ledger) -> None:
    assert together(ledger, set()) is None
    ledger.reserve(LIVER, plan(unprotected="no privacy"), run="bare").settle(30)
    assert together(ledger, {"unknown"}) is None
    assert together(ledger, {"bare"}) is None


def test_a_damaged_ledger_is_not_taken_for_an_empty_one(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve(LIVER, plan(), run="r1")
    (tmp_path / "ledger.jsonl").write_text("nonsense\n")
    with pytest.raises(LedgerDamaged):
        together(ledger, {"r1"})


@pytest.mark.parametrize("noise", [0.7, 1.0, 2.5])
def test_the_first_answer_is_a_little_above_the_ledgers_own(ledger: Ledger, noise: float) -> None:
    ledger.reserve(LIVER, sampled(1.2), run="r1").settle(150)
    ledger.reserve(LIVER, sampled(2.0, unit="slice"), run="r2")
    planned = sampled(noise)
    first = quick_outlook(ledger.account(LIVER), ledger.history(LIVER), planned)
    exact = ledger.would_cost(LIVER, planned)
    assert first is not None
    assert exact.after <= first.after <= 1.01 * exact.after
    assert (first.before, first.delta, first.budget) == (exact.before, exact.delta, exact.budget)


def test_what_only_the_ledger_can_say_has_no_first_answer(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(0)
    spends = ledger.would_cost(LIVER, sampled(1.0)).after
    ledger.set_budget(LIVER, epsilon=0.9999 * spends, delta=1e-4)
    account, points = ledger.account(LIVER), ledger.history(LIVER)
    assert quick_outlook(account, points, sampled(1.0)) is None
    assert quick_outlook(account, points, sampled(1.0, unit="slice")) is None
    assert quick_outlook(account, points, sampled(0.0)) is None


def account(epsilon: float, budget: Budget | None = None) -> Account:
    return Account(
        name="liver", names=("liver",), fingerprints=("a" * 16,), slices=8, patients=4, runs=3,
        unprotected=0, open=0, epsilon=epsilon, delta=1e-4, budget=budget,
    )  # fmt: skip


def number(pattern: str, words: str) -> float:
    found = re.search(pattern, words)
    assert found, words
    return float(found[1])


@given(st.floats(1e-3, 9000), st.floats(1e-3, 9000))
def test_nothing_is_said_to_be_cheaper_than_it_is(spent: float, after: float) -> None:
    said, _ = spent_words(account(spent))
    assert spent - 1e-6 <= number(r"ε = ([\d.]+)", said) < spent + 0.0101
    outlook = Outlook(before=spent, after=after, delta=1e-4, budget=None, room=None)
    coming = next_words(account(spent), plan(), outlook)
    assert after - 1e-6 <= number(r"bring it to ([\d.]+)", coming) < after + 0.0101


@given(st.floats(0, 9000))
def test_nothing_is_said_to_be_left_that_is_not(left: float) -> None:
    assert left - 0.0101 < float(round_down(left)) <= left + 1e-6


@given(st.floats(0.01, 100), st.floats(0.01, 200), st.integers(0, 99))
def test_the_half_about_the_next_run_agrees_with_the_ledger(
    allowed: float, after: float, room: int
) -> None:
    budget = Budget(epsilon=allowed, delta=1e-4)
    fits = after <= allowed
    outlook = Outlook(
        before=0.0, after=after, delta=1e-4, budget=budget, room=100 if fits else room
    )
    words = next_words(account(0.0, budget), plan(), outlook)
    assert ("would not start" in words) == (not fits)
    assert (" allowed, and would not start" in words) == (not fits)
    if not fits:
        assert (f"{room:,} of its 100 steps would fit" in words) == (room > 0)


def test_a_budget_in_more_than_two_decimals_is_said_in_full() -> None:
    budget = Budget(epsilon=0.005, delta=1e-4)
    outlook = Outlook(before=0.0, after=0.004, delta=1e-4, budget=budget, room=100)
    assert "of the 0.005 allowed" in next_words(account(0.0, budget), plan(), outlook)


def test_an_overspent_budget_is_called_so() -> None:
    said = budget_words(account(5.0, Budget(epsilon=4.0, delta=1e-4)), None)
    assert "1.00 too much is spent" in said
    assert math.isclose(account(5.0, Budget(epsilon=4.0, delta=1e-4)).left or 0, -1)
