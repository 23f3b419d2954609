import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from workbench.accounting.pld import epsilon_spent
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_to_json
from workbench.runs.events import Checkpointed, Event, Finished, Started, from_message, to_message
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.events import Preview, Step, Validated
from workbench.training.loop import train
from workbench.training.meter import EpsilonMeter
from workbench.training.plan import make_plan


def config(data: str, **changes: object) -> TrainConfig:
    settings = {"data": data, "steps": 6, "sample_rate": 0.3, "learning_rate": 3e-3} | changes
    return TrainConfig(**settings)  # type: ignore[arg-type]


def private(**changes: object) -> PrivacyConfig:
    settings = {"noise_multiplier": 1.0, "delta": 1e-3, "noise": "seeded"} | changes
    return PrivacyConfig(**settings)  # type: ignore[arg-type]


def result(events: list[Event]) -> dict[str, object]:
    assert isinstance(events[-1], Finished)
    return dict(events[-1].result)


def test_a_training_tells_its_story_in_order(discs: str) -> None:
    events = list(train(config(discs)))
    assert isinstance(events[0], Started)
    assert [e.step for e in events if isinstance(e, Step)] == [1, 2, 3, 4, 5, 6]
    assert isinstance(events[1], Validated)  # before the first step: what chance can do
    shown = [e for e in events if isinstance(e, Preview)]
    assert shown[0].predictions.shape == shown[0].images.shape == (2, 32, 32)
    assert all(a.step <= b.step for a, b in pairwise(shown))
    assert result(events)["epsilon"] == "inf"


def test_every_event_survives_the_journey_to_another_process(discs: str) -> None:
    for event in train(config(discs, steps=2)):
        again = from_message(to_message(event))
        assert type(again) is type(event)


def test_without_privacy_a_network_learns_the_discs(discs: str) -> None:
    events = list(train(config(discs, steps=60)))
    assert float(result(events)["dice"]) > 0.8  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["patient", "slice"])
def test_a_private_run_reports_what_its_counted_steps_cost(discs: str, unit: str) -> None:
    events = list(train(config(discs, privacy=private(noise="secure", unit=unit))))
    steps = [e for e in events if isinstance(e, Step)]
    cost = epsilon_spent(noise_multiplier=1.0, sample_rate=0.3, steps=len(steps), delta=1e-3)
    said = result(events)
    assert said["epsilon"] == pytest.approx(cost, abs=1e-9)
    assert steps[-1].epsilon == pytest.approx(cost, abs=1e-9)
    assert f"-DP per {unit}" in str(said["guarantee"])
    assert "Poisson q = 0.3, 6 steps" in str(said["guarantee"])


def test_a_private_run_shows_nothing_of_the_records_it_drew(discs: str) -> None:
    for event in train(config(discs, privacy=private(noise="secure"))):
        if isinstance(event, Step):
            assert event.loss is None
            assert event.records is None


def test_a_target_epsilon_is_met_from_below(discs: str) -> None:
    wanted = PrivacyConfig(target_epsilon=4.0, delta=1e-3)
    said = result(list(train(config(discs, privacy=wanted))))
    assert 3.8 < float(said["epsilon"]) <= 4.0  # type: ignore[arg-type]


def test_seeded_noise_voids_the_guarantee_and_repeats_the_run(discs: str) -> None:
    one, two = (list(train(config(discs, privacy=private()))) for _ in range(2))
    assert result(one)["dice"] == result(two)["dice"]
    assert "No privacy guarantee: the noise was drawn from a seed" in str(result(one)["guarantee"])


def test_secure_noise_differs_between_runs(discs: str) -> None:
    settings = config(discs, steps=3, privacy=private(noise="secure"))
    one, two = (last_weights(list(train(settings))) for _ in range(2))
    assert not np.array_equal(one, two)


def test_noise_zero_guarantees_nothing(discs: str) -> None:
    said = result(list(train(config(discs, steps=2, privacy=private(noise_multiplier=0.0)))))
    assert "No privacy guarantee" in str(said["guarantee"])
    assert said["epsilon"] == "inf"


def last_weights(events: list[Event]) -> np.ndarray:
    last = [e for e in events if isinstance(e, Checkpointed)][-1]
    return np.concatenate([v.ravel() for k, v in last.tensors.items() if k.startswith("model/")])


@pytest.mark.parametrize("privacy", [None, private()], ids=["plain", "seeded private"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    discs: str,
    workspace: Path,
    privacy: PrivacyConfig | None,
    optimizer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workbench.training.loop._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    settings = config(
        discs, privacy=privacy, optimizer=optimizer, augmentation_multiplicity=2, steps=5
    )
    whole = list(train(settings))
    third = next(e for e in whole if isinstance(e, Checkpointed) and e.step == 3)
    saved = from_message(to_message(third))
    assert isinstance(saved, Checkpointed)
    rest = list(train(settings, Attempt(run="again", home=workspace, checkpoint=saved)))
    assert [e.step for e in rest if isinstance(e, Step)] == [4, 5]
    assert np.array_equal(last_weights(whole), last_weights(rest))
    assert result(whole)["dice"] == result(rest)["dice"]


def test_steps_lost_after_a_secure_checkpoint_stay_spent(
    discs: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.training.loop._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    settings = config(discs, privacy=private(noise="secure"))
    second = next(e for e in train(settings) if isinstance(e, Checkpointed) and e.step == 2)
    assert second.state["streams"] == {"sampling": None, "noise": None}
    reached = replace(second, state={**second.state, "reached": 4})
    rest = list(train(settings, Attempt(run="again", home=workspace, checkpoint=reached)))
    assert [e.step for e in rest if isinstance(e, Step)] == [5, 6]


def test_closing_the_iterator_stops_the_training(discs: str) -> None:
    events = train(config(discs, steps=10_000))
    for event in events:
        if isinstance(event, Step):
            break
    events.close()  # type: ignore[attr-defined]
    assert list(events) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"privacy": private(delta=0.2)}, r"Delta must be below 1 / number of patients \(1/10"),
        ({"task": "classification", "model": "cnn"}, "no labels to learn from"),
        ({"model": "unet-batchnorm", "privacy": private(), "surgery": False}, "BatchNorm2d"),
        ({"patients": 11}, "there are 10 patients to train on, not 11"),
        ({"data": "/nowhere/at/all.npz"}, "/nowhere/at/all.npz"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(
    discs: str, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        next(iter(train(config(changes.pop("data", discs), **changes))))


def test_the_same_patients_validate_whatever_the_seed(discs: str) -> None:
    one, two, other = (
        make_plan(config(discs, **changes), load(discs))
        for changes in ({"seed": 1}, {"seed": 2}, {"seed": 1, "split_seed": 3})
    )
    assert one.validation.patients.tolist() == two.validation.patients.tolist()
    assert one.validation.patients.tolist() != other.validation.patients.tolist()


def test_a_training_on_fewer_patients_counts_these_and_says_that_they_were_drawn(
    discs: str,
) -> None:
    settings = config(discs, patients=4, privacy=private(noise="secure", delta=0.15), steps=1)
    started = next(iter(train(settings)))
    assert isinstance(started, Started)
    # Delta is below one in four, and would not be below one in all ten.
    assert started.facts["train_patients"] == 4
    assert started.facts["validation_patients"] == 2
    assert "which of the patients were drawn to train on" in started.facts["promise"]


def test_surgery_is_told_at_the_start(discs: str) -> None:
    events = train(config(discs, model="unet-batchnorm", privacy=private(), steps=1))
    started = next(iter(events))
    assert isinstance(started, Started)
    assert "replaced by GroupNorm" in started.facts["surgery"][0]


def test_the_meter_never_shows_less_than_was_spent() -> None:
    meter = EpsilonMeter(lambda steps: float(steps) ** 0.5, 100)
    shown = [meter.at(step) for step in range(1, 101)]
    assert all(value >= step**0.5 for step, value in enumerate(shown, start=1))
    assert shown[-1] == 10.0
    assert EpsilonMeter(None, 10).at(3) == math.inf


def test_a_stopped_private_run_goes_on_without_spending_more_than_planned(
    discs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.training.loop._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    settings = config_to_json(config(discs, privacy=private(noise="secure")))
    store = Store()
    run = store.open("train", settings)
    events = drive("workbench.training.loop:work", settings, run=run, store=store)
    for event in events:
        if isinstance(event, Step) and event.step == 4:
            break  # the checkpoint of step 4 is never made
    events.close()  # type: ignore[attr-defined]

    checkpoint = store.reopen(run)
    assert (checkpoint.step, checkpoint.state["reached"]) == (3, 4)
    again = "workbench.training.loop:work"
    rest = list(drive(again, settings, run=run, store=store, checkpoint=checkpoint))
    assert [e.step for e in rest if isinstance(e, Step)] == [5, 6]
    assert store.record(run).status == "finished"
