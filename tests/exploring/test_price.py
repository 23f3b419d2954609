"""The price of looking at a study: one run, all of them, or the winner alone."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.selection.counts import KINDS, run_count
from workbench.accounting.selection.selection import CONDITIONS, best_of_epsilon
from workbench.errors import BadInput
from workbench.exploring.price import (
    LEDGER,
    Price,
    price,
    price_of_all,
    price_of_runs,
    run_mechanism,
)
from workbench.training.config import PrivacyConfig, TrainConfig

DELTA = 1e-3
STRICT = Mechanism(noise_multiplier=4.0, sample_rate=0.1, steps=100)
LOOSE = Mechanism(noise_multiplier=1.5, sample_rate=0.1, steps=100)
STUDY = [STRICT, STRICT, LOOSE, LOOSE, LOOSE, LOOSE, LOOSE, LOOSE]


@pytest.fixture(scope="module")
def eight() -> Price:
    return price(STUDY, delta=DELTA, unit="patient")


def config(**privacy: object) -> TrainConfig:
    settings = {"noise_multiplier": 1.5, "delta": DELTA} | privacy
    return TrainConfig(sample_rate=0.1, steps=100, privacy=PrivacyConfig(**settings))  # type: ignore[arg-type]


def test_all_runs_shown_cost_their_composition(eight: Price) -> None:
    assert eight.all_shown == price_of_all(STUDY, DELTA)
    assert eight.all_shown == pytest.approx(composed_epsilon(STUDY, DELTA), rel=1e-3)
    assert eight.dearest < eight.all_shown < eight.runs * eight.dearest


def test_one_run_alone_costs_what_the_dearest_costs(eight: Price) -> None:
    assert eight.dearest == price_of_all([LOOSE], DELTA) > price_of_all([STRICT], DELTA)


def test_the_winner_is_priced_for_every_distribution_with_as_many_runs_to_expect(
    eight: Price,
) -> None:
    assert [winner.count.mean for winner in eight.winners] == pytest.approx([8] * len(KINDS))
    expected = {best_of_epsilon([LOOSE], run_count(kind, 8), DELTA) for kind in KINDS}
    assert {winner.epsilon for winner in eight.winners} == expected
    assert all(winner.epsilon >= eight.dearest for winner in eight.winners)
    assert [w.epsilon for w in eight.winners] == sorted(expected, reverse=True)


def test_the_price_of_one_run_is_the_same_shown_or_hidden() -> None:
    one = price([LOOSE], delta=DELTA, unit="patient")
    assert one.dearest == one.all_shown
    assert min(winner.epsilon for winner in one.winners) >= one.all_shown
    assert any("so few runs are not worth hiding" in said for said in one.sentences)


def test_every_epsilon_stands_in_a_whole_sentence(eight: Price) -> None:
    one, every, *winners = eight.sentences[:5]
    assert one.startswith(f"One run: ({round_up(eight.dearest)}, 0.001)-DP per patient")
    assert every.startswith(f"All shown: ({round_up(eight.all_shown)}, 0.001)-DP per patient")
    assert "all 8 runs composed, Poisson sampling, PLD; assumed public: " in every
    assert len(winners) == 3
    for said, winner in zip(winners, eight.winners, strict=True):
        assert f"({round_up(winner.epsilon)}, 0.001)-DP per patient, add or remove one" in said
        assert "RDP with private selection" in said
        assert "the patients that a run validates on" in said
    text = " ".join(eight.sentences)
    assert all(condition in text for condition in CONDITIONS)
    assert eight.sentences[-1] == LEDGER


def test_hiding_pays_where_runs_are_many(eight: Price) -> None:
    best = round_up(min(winner.epsilon for winner in eight.winners))
    assert f"would cost {best} at best, showing all 8 runs costs" in " ".join(eight.sentences)


def test_slices_are_priced_for_the_patient_with_most_of_them_too() -> None:
    found = price(STUDY[:2], delta=DELTA, unit="slice", largest_patient=3)
    patient = found.whole_patient
    assert patient is not None
    assert (patient.unit, patient.whole_patient) == ("patient", None)
    grouped = [replace(each, group=3) for each in STUDY[:2]]
    assert patient.all_shown == price_of_all(grouped, DELTA) > found.all_shown
    assert [w.epsilon for w in patient.winners] > [w.epsilon for w in found.winners]
    assert f"for one run, {round_up(patient.all_shown)} for all" in " ".join(found.sentences)
    assert price(STUDY[:2], delta=DELTA, unit="patient", largest_patient=3).whole_patient is None


def test_runs_that_protect_nobody_are_counted_apart() -> None:
    found = price([STRICT], delta=DELTA, unit="patient", bare=2)
    assert found.all_shown == price_of_all([STRICT], DELTA)
    assert any(said.startswith("2 runs protect nobody") for said in found.sentences)
    nothing = price([], delta=DELTA, unit="patient", bare=1)
    assert (nothing.dearest, nothing.all_shown, nothing.winners) == (0, 0, ())
    assert nothing.sentences == (
        "One run protects nobody and cannot be counted: whoever has seen it all is promised "
        "nothing.",
    )
    assert price([], delta=DELTA, unit="patient").sentences == ()


def test_runs_are_priced_from_their_configs() -> None:
    bare = TrainConfig(sample_rate=0.1, steps=100)
    seeded = config(noise="seeded")
    runs = [(config(), 1.5), (config(delta=1e-4), 1.5), (bare, 0.0), (seeded, 1.5)]
    found = price_of_runs(runs)
    assert found is not None
    assert (found.runs, found.bare, found.delta, found.unit) == (2, 2, 1e-4, "patient")
    assert found.all_shown == price_of_all([LOOSE, LOOSE], 1e-4)
    assert price_of_runs([(bare, 0.0)]) is None


def test_what_protects_nobody_has_no_mechanism() -> None:
    assert run_mechanism(config(), 1.5) == LOOSE
    assert run_mechanism(config(noise_multiplier=0.0), 0.0) is None
    assert run_mechanism(config(noise="seeded"), 1.5) is None
    assert run_mechanism(TrainConfig(), 0.0) is None


def test_the_ledger_charges_a_study_as_if_all_of_it_were_shown(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    data = Identity(
        name="liver", fingerprint="f" * 16, slices=("a", "b"), patients=2, largest_patient=1
    )
    for number, one in enumerate(STUDY[:4]):
        plan = Planned(
            noise_multiplier=one.noise_multiplier,
            sample_rate=one.sample_rate,
            steps=one.steps,
            delta=DELTA,
        )
        ledger.reserve(data, plan, run=f"run-{number}").settle(one.steps)
    charged = ledger.account(data).epsilon
    assert charged == pytest.approx(price_of_all(STUDY[:4], DELTA), rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"delta": 0.0}, "delta"),
        ({"bare": -1}, "bare"),
        ({"largest_patient": 0}, "largest_patient"),
    ],
)
def test_numbers_out_of_range_are_refused(changes: dict[str, float], field: str) -> None:
    settings = {"delta": DELTA, "unit": "slice"} | changes
    with pytest.raises(BadInput) as refusal:
        price([STRICT], **settings)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_slices_and_patients_together_are_priced_per_patient() -> None:
    found = price_of_runs([(config(), 1.5), (config(unit="slice"), 1.5)], largest_patient=3)
    assert found is not None
    assert (found.unit, found.whole_patient) == ("patient", None)
    assert found.all_shown == price_of_all([LOOSE, replace(LOOSE, group=3)], DELTA)


def test_a_run_without_noise_among_the_mechanisms_leaves_no_promise() -> None:
    found = price([STRICT, replace(STRICT, noise_multiplier=0.0)], delta=DELTA, unit="patient")
    assert found.all_shown == math.inf
    assert all(said.count("No privacy guarantee") == 1 for said in found.sentences[:5])
    assert "∞" not in " ".join(found.sentences)
