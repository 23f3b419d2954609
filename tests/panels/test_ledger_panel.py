"""The ledger panel says what was spent, what the next run would add, and what is allowed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_ledger import FULL_BATCH, LIVER, epsilon, plan

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity
from workbench.errors import BadInput
from workbench.panels.ledger import LedgerPanel
from workbench.panels.ledger_model import LedgerModel
from workbench.panels.ledger_words import NOTHING_YET
from workbench.panels.parts.model import PanelModel

LUNG = Identity("lung", "b" * 16, tuple("ijkl"), patients=3, largest_patient=1)


@pytest.fixture(autouse=True)
def _gone() -> Iterator[None]:
    """No panel of another test is met again."""
    yield
    for model in list(PanelModel._living.values()):
        model.close()


@pytest.fixture
def ledger(workspace: Path) -> Ledger:
    return Ledger(workspace)


def shown(name: str = "test", **params: Any) -> LedgerModel:
    return answered(LedgerModel.attach(name, **params))


def answered(model: LedgerModel) -> LedgerModel:
    assert model.writing.join(60)
    assert model.looking.join(60)
    return model


def soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_an_empty_ledger_says_what_to_do() -> None:
    model = shown()
    assert model.guarantee == NOTHING_YET
    assert (model.tone, model.notes, model.message, model.errors) == ("quiet", "", "", {})
    assert model.price.startswith("alone ε = ")


def test_the_sentence_says_what_was_spent_and_what_the_next_run_would_add(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(60)
    ledger.reserve(LIVER, plan(), run="r2").settle(40)
    model = shown(**FULL_BATCH)
    spent, after = round_up(epsilon(100)), round_up(epsilon(200))
    assert model.guarantee == (
        f"Patients of liver have spent ε = {spent} at δ = 0.0001 over 2 private runs; "
        f"the next run would bring it to {after}; there is no budget."
    )
    assert model.tone == "private"
    ledger.set_budget(LIVER, epsilon=20, delta=1e-4)
    assert soon(lambda: model.guarantee.endswith(f"to {after} of the 20.00 allowed."))


def test_a_next_run_above_the_budget_is_told_how_much_of_it_would_fit(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    ledger.set_budget(LIVER, epsilon=6, delta=1e-4)
    model = shown(**FULL_BATCH)
    room = model.outlook.room
    assert f"above the 6.00 allowed, and would not start: {room} of its 100" in model.guarantee
    with pytest.raises(BadInput, match="has a budget"):
        ledger.reserve(LIVER, plan(steps=room + 3), run="r2")
    ledger.reserve(LIVER, plan(steps=room), run="r2")
    ledger.set_budget(LIVER, epsilon=2, delta=1e-4, policy="warn")
    assert soon(lambda: "would start with a warning: not one step of it fits" in model.guarantee)


def test_a_run_calibrated_to_the_budget_is_within_it(ledger: Ledger) -> None:
    ledger.set_budget(LIVER, epsilon=3, delta=1e-4)
    model = shown(target_epsilon=3.0, sample_rate=0.05, steps=150, delta=1e-4)
    assert model.outlook.room == 150
    assert model.guarantee.endswith("the next run would bring it to 3.00 of the 3.00 allowed.")


def test_the_next_run_is_at_first_like_the_last_private_one(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(noise_multiplier=7.0, steps=30, unit="slice"), run="r1").settle(9)
    ledger.reserve(LIVER, plan(unprotected="seeded noise"), run="r2").settle(100)
    model = shown(steps=55)
    assert (model.noise_multiplier, model.sample_rate, model.unit) == (7.0, 1.0, "slice")
    assert model.steps == 55
    assert model.planned == plan(noise_multiplier=7.0, steps=55, unit="slice")
    assert model.outlook.after == pytest.approx(gaussian_epsilon(3.5, 9 + 55, 1e-4), rel=1e-3)


def test_what_a_person_has_chosen_stays_with_another_account(ledger: Ledger) -> None:
    ledger.reserve(LUNG, plan(noise_multiplier=5.0), run="r1").settle(100)
    ledger.reserve(LIVER, plan(noise_multiplier=7.0, steps=30), run="r2").settle(30)
    model = shown()
    assert (model.account.name, model.noise_multiplier, model.steps) == ("liver", 7.0, 30)
    model.choose("steps", 80)
    model.choose("data", LUNG.fingerprint)
    answered(model)
    assert (model.account.name, model.noise_multiplier, model.steps) == ("lung", 5.0, 80)
    assert [point.run for point in model.points] == ["r1"]


def test_a_target_epsilon_becomes_a_noise_multiplier(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(0)
    model = shown(target_epsilon=2.0, sample_rate=0.1, steps=50, delta=1e-4)
    assert model.price == f"noise multiplier {model.planned.noise_multiplier:.2f}, calibrated"
    assert 1.8 < model.outlook.after <= 2.0 * 1.01


def test_a_next_run_that_protects_nobody_is_called_so(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    model = shown(**{**FULL_BATCH, "noise_multiplier": 0.0})
    assert model.guarantee.endswith("the next run would protect nobody (no noise).")
    assert model.price == "protects nobody"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sample_rate", 1.5, "Sample rate must be above 0 and at most 1, not 1.5."),
        ("steps", 0, "Steps must be 1 or more"),
        ("delta", 1.0, "Delta must be between 0 and 1"),
        ("unit", "organ", "Unit must be patient or slice"),
        ("noise_multiplier", -1.0, "Noise multiplier must be 0 or more"),
    ],
)
def test_a_wrong_choice_is_said_where_it_is_made_and_costs_nothing(
    ledger: Ledger, name: str, value: Any, sentence: str
) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    model = shown(**FULL_BATCH)
    model.choose(name, value)
    answered(model)
    assert sentence in model.errors[name]
    assert (model.outlook, model.planned) == (None, None)
    assert model.guarantee.endswith("over 1 private run.")
    model.choose(name, {**FULL_BATCH, "unit": "patient"}[name])
    answered(model)
    assert model.errors == {}
    assert model.outlook is not None


def test_what_the_sum_leaves_out_is_said_under_it(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    model = shown()
    assert model.notes == ""
    ledger.reserve(LIVER, plan(unprotected="no privacy", delta=0.0), run="r2").settle(5)
    ledger.reserve(LIVER, plan(unprotected="no privacy", delta=0.0), run="r3").settle(5)
    ledger.reserve(LIVER, plan(unit="slice"), run="r4")
    assert soon(lambda: len(model.points) == 4)
    answered(model)
    assert model.tone == "open"
    assert model.notes == (
        "2 runs were without protection and are not counted here: whoever has seen their results "
        "has no guarantee. 1 run protects single slices; it is counted for the patient with most, "
        "2 slices. 1 run has not reported its end, so it is charged in full."
    )


def test_a_budget_is_set_once_and_the_panel_says_what_it_did(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    model = shown(budget_epsilon=9.0, **FULL_BATCH)
    assert model.budget_delta == 1e-4
    model.set_budget()
    answered(model)
    left = math.floor(100 * (9 - model.account.epsilon)) / 100
    assert model.said == (
        f"liver has a budget of ε = 9 at δ = 0.0001 per patient; {left:.2f} is left. "
        "Runs that would exceed it do not start."
    )
    model.choose("budget_epsilon", 4.0)
    model.choose("policy", "warn")
    model.set_budget()
    answered(model)
    assert "ε = 4 instead of 9" in model.said
    assert "too much is spent. Runs that would exceed it start with a warning." in model.said
    budget = ledger.account("liver").budget
    assert budget is not None
    assert (budget.epsilon, budget.policy) == (4.0, "warn")
    kinds = (ledger._folder / "ledger.jsonl").read_text().count('"kind": "budget"')
    assert kinds == 2


def test_a_wrong_budget_is_said_under_its_control_and_written_nowhere(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    model = shown()
    model.set(budget_delta=2.0)
    model.guarded(model.set_budget)
    answered(model)
    assert "Delta must be between 0 and 1" in model.errors["budget_delta"]
    assert ledger.account("liver").budget is None
    assert "the next run would bring it to" in model.guarantee


def test_what_somebody_else_writes_appears_by_itself(ledger: Ledger) -> None:
    model = shown()
    assert model.accounts == []
    ledger.reserve(LUNG, plan(), run="r1")
    assert soon(lambda: model.account is not None and len(model.points) == 1)
    ledger.reserve(LUNG, plan(), run="r2").settle(50)
    assert soon(lambda: [point.run for point in model.points] == ["r1", "r2"])
    ledger.reserve(LIVER, plan(), run="r3")
    assert soon(lambda: [account.name for account in model.accounts] == ["liver", "lung"])
    assert model.account.name == "lung"


def test_a_damaged_ledger_is_a_sentence_and_whole_again_it_is_read(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    path = ledger._folder / "ledger.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace('"steps": 100', '"steps": 1'))
    model = shown()
    assert "is damaged: line 2 was changed after it was written" in model.message
    assert (model.guarantee, model.state, model.accounts) == ("", "damaged", [])
    path.write_text(whole)
    assert soon(lambda: model.state == "read" and len(model.points) == 1)
    assert model.message == ""
    assert "have spent" in model.guarantee
    path.write_text(whole[:-40] + "\n")
    assert soon(lambda: "is damaged" in model.message)
    assert model.points == []


def test_data_may_be_named_and_unknown_ones_are_refused_under_their_control(
    ledger: Ledger,
) -> None:
    ledger.reserve(LUNG, plan(), run="r1")
    ledger.reserve(LIVER, plan(), run="r2")
    assert shown("one", data="lung").data == LUNG.fingerprint
    model = shown("two", data="lungs")
    assert "The ledger knows no data set 'lungs'; it knows liver, lung" in model.errors["data"]
    assert (model.account, model.points) == (None, [])
    panel = LedgerPanel(name="two")
    assert ["lungs", "lungs"] in panel.data.options
    panel.data.value = LIVER.fingerprint
    answered(model)
    assert model.account.name == "liver"
    assert model.errors == {}
