"""What the train panel says when it is told of warnings, early ends and whole patients."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.guarantee import Guarantee, round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.panels.parts.pump import Batch
from workbench.panels.train_model import TrainModel
from workbench.panels.train_words import fact_rows
from workbench.runs.events import Cancelled, Event, Finished, Started
from workbench.runs.store import Store
from workbench.training.events import Step, Warned


def told(*events: Event, **params: Any) -> TrainModel:
    """A model that was told of a private training for slices."""
    model = TrainModel(**params)
    model.run = "train-1-abcdef"
    guarantee = Guarantee(
        epsilon=8.0, delta=1e-3, unit="slice", sampling="Poisson q = 0.05, 20 steps"
    )
    facts = {
        "guarantee": asdict(guarantee),
        "whole_patient": "For the patient with the most slices, 4, this is (25.00, 0.001)-DP.",
    }
    model.take(Batch([Started(facts=facts), *events]))
    assert model.looking.join(60)
    return model


def stepped(step: int) -> Step:
    return Step(step=step, total=20, epsilon=3.0, loss=None, records=None)


def test_a_guarantee_for_slices_says_what_it_means_for_a_whole_patient() -> None:
    whole = "For the patient with the most slices, 4, this is (25.00, 0.001)-DP."
    assert told().guarantee.endswith(whole)
    assert told().guarantee.startswith("Planned: (8.00, 0.001)-DP per slice")
    counted = {"whole_patient": whole.replace("25", "24")}
    ended = told(stepped(20), Finished(result=counted)).guarantee
    assert ended.startswith("(8.00, 0.001)-DP per slice")
    assert ended.endswith("this is (24.00, 0.001)-DP.")
    stopped = told(stepped(7), Cancelled()).guarantee
    assert stopped.startswith("Stopped after 7 of 20 steps: (3.00, 0.001)-DP per slice")
    assert stopped.endswith(f"With all 20 steps: {whole}")


def test_what_a_training_warns_of_is_shown_once_and_stays() -> None:
    first, second = Warned(message="The budget is exceeded."), Warned(message="Another one.")
    model = told(first)
    model.take(Batch([second, first]))
    model.take(Batch([stepped(1)]))
    assert model.message == "The budget is exceeded. Another one."


def test_a_training_that_the_budget_ended_says_so_and_promises_for_the_steps_it_took() -> None:
    reason = "The budget of these data was lowered: stopped after 7 steps."
    result = {"stopped": reason, "whole_patient": ""}
    model = told(stepped(7), Finished(result=result))
    assert model.message == reason
    assert model.guarantee.startswith("Stopped after 7 of 20 steps: (3.00, 0.001)-DP per slice")
    assert model.tone == "private"
    model.clear()
    assert model.result is None


def test_after_the_end_the_ledger_says_what_all_runs_on_these_patients_cost() -> None:
    ledger = Ledger(Store().root)
    liver = Identity("liver", "a" * 16, tuple("abcd"), patients=4, largest_patient=1)
    plan = Planned(noise_multiplier=8.0, sample_rate=1.0, steps=50, delta=1e-3)
    ledger.reserve(liver, plan, run="train-1-abcdef").settle(50)
    alone = told(stepped(20), Finished(result={}))
    assert alone.charged.others == 0
    ledger.reserve(liver, plan, run="train-0-000000").settle(50)
    model = told(stepped(20), Finished(result={}))
    facts = {**model.facts, "train_patients": 3, "validation_patients": 1, "parameters": 9}
    assert not any("all runs" in name for name, _ in fact_rows(facts, None, None, alone.charged))
    row = ["ε per patient, all runs", round_up(gaussian_epsilon(8.0, 100, 1e-3))]
    assert row in fact_rows(facts, model.last_step, None, model.charged)
