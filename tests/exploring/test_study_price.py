"""The price of recorded runs, and that it is what the ledger charges."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.selection.selection import CONDITIONS
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.price import Price, price, price_of_all
from workbench.exploring.study_price import (
    ADVICE,
    FREE,
    drawn,
    price_facts,
    price_lines,
    price_of_study,
)
from workbench.exploring.sweep import Sweep
from workbench.runs import fleet
from workbench.runs.configs import config_to_json
from workbench.runs.events import Finished, to_json
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

DELTA = 1e-3
RUN = Mechanism(noise_multiplier=1.5, sample_rate=0.1, steps=100)
DATA = Identity(name="liver", fingerprint="f" * 16, slices=("a",), patients=2, largest_patient=3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def four() -> Price:
    return price([RUN] * 4, delta=DELTA, unit="slice", largest_patient=3, bare=1)


def recorded(store: Store, *, steps: int = 100, unit: str = "patient", private: bool = True) -> str:
    """A finished run that took so many of its 100 steps, charged for them."""
    privacy = PrivacyConfig(noise_multiplier=1.5, delta=DELTA, unit=unit)  # type: ignore[arg-type]
    config = TrainConfig(sample_rate=0.1, steps=100, privacy=privacy if private else None)
    run = store.open("train", config_to_json(config))
    noise = 1.5 if private else 0.0
    plan = Planned(
        noise_multiplier=noise, sample_rate=0.1, steps=100, unit=unit,  # type: ignore[arg-type]
        delta=DELTA, unprotected="" if private else "no privacy",
    )  # fmt: skip
    Ledger(store.root).reserve(DATA, plan, run=run).settle(steps)
    store.append(run, Finished(result={"steps": steps, "noise_multiplier": noise}))
    return run


@pytest.mark.slow
def test_real_trainings_cost_what_the_ledger_charges_them(
    discs: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    base = TrainConfig(
        data=discs, steps=2, sample_rate=0.3,
        privacy=PrivacyConfig(target_epsilon=1.0, delta=DELTA, unit="slice"),
    )  # fmt: skip
    store = Store(workspace)
    events = Sweep(
        ExploreConfig(train=base, epsilons=(2.0, 8.0, math.inf), seeds=1), store, at_once=1
    ).events()
    runs = [event.run for event in events if isinstance(event, Explored)]
    ledger = Ledger(workspace)
    found = price_of_study(runs, store, ledger)
    assert found is not None
    assert (found.runs, found.bare, found.unit, found.delta) == (2, 1, "slice", DELTA)
    assert found.dearest == pytest.approx(8.0, rel=0.02)
    assert found.whole_patient is not None
    account = ledger.accounts()[0]
    assert account.epsilon == pytest.approx(found.whole_patient.all_shown, rel=1e-3)


def test_patients_as_the_unit_are_charged_what_all_runs_shown_cost(store: Store) -> None:
    runs = [recorded(store) for _ in range(3)]
    found = price_of_study(runs, store, Ledger(store.root))
    assert found is not None
    assert found.whole_patient is None
    account = Ledger(store.root).account(DATA)
    assert account.epsilon == pytest.approx(found.all_shown, rel=1e-3)


def test_a_run_that_its_budget_stopped_costs_the_steps_it_took(store: Store) -> None:
    runs = [recorded(store), recorded(store, steps=40), recorded(store, steps=0)]
    found = price_of_study(runs, store, Ledger(store.root))
    assert found is not None
    assert found.runs == 2
    assert found.all_shown == price_of_all([RUN, replace(RUN, steps=40)], DELTA)
    account = Ledger(store.root).account(DATA)
    assert account.epsilon == pytest.approx(found.all_shown, rel=1e-3)


def test_runs_of_both_units_are_priced_per_patient_as_the_ledger_does(store: Store) -> None:
    runs = [recorded(store), recorded(store, unit="slice")]
    found = price_of_study(runs, store, Ledger(store.root))
    assert found is not None
    assert found.unit == "patient"
    assert found.all_shown == price_of_all([RUN, replace(RUN, group=3)], DELTA)
    account = Ledger(store.root).account(DATA)
    assert account.epsilon == pytest.approx(found.all_shown, rel=1e-3)


def test_runs_that_nobody_asked_to_be_private_have_no_price(store: Store) -> None:
    runs = [recorded(store, private=False)]
    assert price_of_study(runs, store, Ledger(store.root)) is None
    assert price_facts(None) is None
    assert price_lines(None) == []


def test_the_facts_are_json_with_every_epsilon(four: Price) -> None:
    facts = json.loads(json.dumps(to_json(price_facts(four)), allow_nan=False))
    assert (facts["runs"], facts["unprotected"]) == (4, 1)
    assert (facts["unit"], facts["delta"], facts["free"]) == ("slice", DELTA, False)
    assert facts["one_run"] == four.dearest
    assert facts["all_shown"] == four.all_shown
    assert facts["winner"]["epsilon"] == min(winner.epsilon for winner in four.winners)
    assert "4 expected" in facts["winner"]["count"]
    assert facts["conditions"] == list(CONDITIONS)
    assert four.whole_patient is not None
    assert facts["whole_patient"]["all_shown"] == four.whole_patient.all_shown


def test_the_lines_say_what_each_way_of_showing_costs_and_what_to_do_instead(
    four: Price,
) -> None:
    lines = price_lines(four)
    assert lines[0] == "What looking costs, in epsilon per slice at delta 0.001:"
    said = {line.split("  ")[1]: line for line in lines[1:4]}
    for name, epsilon in (("one run alone", four.dearest), ("all 4 runs shown", four.all_shown)):
        assert f" {round_up(epsilon)} " in said[name]
    assert "only under the conditions below" in lines[3]
    assert any(line.startswith("For the patient with the most slices") for line in lines)
    assert lines[-1] == ADVICE
    assert all(condition in lines[-2] for condition in CONDITIONS)


def test_of_drawn_patients_it_is_said_that_nobody_pays(four: Price) -> None:
    lines = price_lines(four, free=True)
    assert lines[0] == FREE
    assert lines[1].startswith("What looking would cost real ones")
    assert ADVICE not in lines
    facts = price_facts(four, free=True)
    assert facts is not None
    assert facts["free"]
    assert drawn("phantom-liver:patients=20")
    assert drawn("phantom-lesion")
    assert not drawn("/data/liver")


def test_a_study_that_protects_nobody_has_facts_but_no_lines() -> None:
    nothing = price([], delta=DELTA, unit="patient", bare=2)
    assert price_lines(nothing) == []
    facts = price_facts(nothing)
    assert facts is not None
    assert (facts["winner"], facts["conditions"], facts["unprotected"]) == (None, [], 2)
