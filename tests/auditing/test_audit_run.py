"""An audit from its config to its verdict, as a stream of events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_audits import CLAIMED, SMALL, audited, finished, labelled

from workbench.auditing.audit import audit, planned, work
from workbench.auditing.cases import make_case
from workbench.auditing.config import AuditConfig
from workbench.auditing.events import Probed
from workbench.auditing.every import NOT_FINITE, every
from workbench.auditing.trainings.catalogue import TRAININGS
from workbench.dpsgd.engine_names import ENGINES
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_to_json
from workbench.runs.events import Event, Finished, Progress, Started, from_message, to_message

OWN_PATH = "small_audits:by_hand"


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return labelled(tmp_path_factory.mktemp("labelled"))


@pytest.fixture(scope="module")
def events(data: str) -> list[Event]:
    """Of one small audit of the workbench's own engine."""
    return list(work(config_to_json(AuditConfig(data=data, **SMALL)), Attempt.alone("audit")))


@pytest.fixture(scope="module")
def last(events: list[Event]) -> Finished:
    return finished(iter(events))


@pytest.mark.parametrize("engine", [*ENGINES, "privacy-engine-bookkeeping"])
def test_a_correct_engine_passes(data: str, engine: str) -> None:
    result = audited(data, engine=engine)
    assert (result["verdict"], result["caught_by"]) == ("no violation found", [])
    assert result["says"].startswith("no violation found; this test would have noticed 5 % too")
    assert not any(probe["caught"] for probe in result["probes"])


@pytest.mark.parametrize(
    "settings",
    [
        {"unit": "patient", "optimizer": "adam", "max_grad_norm": 0.1},
        {"engine": "opacus", "physical_batch": 4},
        {"sample_rate": 1.0, "steps": 5},
    ],
)
def test_it_passes_in_every_way_that_it_is_used(data: str, settings: dict[str, Any]) -> None:
    assert audited(data, **settings)["caught_by"] == []


def test_a_network_is_trained_for_what_the_data_show(discs: str, data: str) -> None:
    for source, task in ((discs, "segmentation"), (data, "classification")):
        case = make_case(AuditConfig(data=source, network="mlp", **SMALL), load(source, size=32))
        assert case.task == task
        assert audited(source, network="mlp", steps=5)["task"] == task


@pytest.mark.parametrize(
    ("settings", "test"),
    [
        ({"bug": "half-the-steps-charged"}, "steps-charged"),
        ({"engine": "opacus-ghost", "network": "cnn-reflect"}, "sensitivity-extreme"),
        ({"engine": "privacy-engine"}, "finite-nan"),
    ],
)
def test_a_broken_mechanism_is_falsified_by_the_test_made_for_it(
    data: str, settings: dict[str, Any], test: str
) -> None:
    result = audited(data, **settings)
    assert result["verdict"] == "claim falsified"
    assert test in result["caught_by"]
    assert f"by {result['caught_by'][0]}: " in result["says"]
    caught = {probe["test"] for probe in result["probes"] if probe["caught"]}
    assert caught == set(result["caught_by"]) & {probe["test"] for probe in result["probes"]}


def test_gross_noise_bugs_are_seen_by_canaries_too(data: str) -> None:
    result = audited(data, bug="noise-over-batch")
    assert {"per-step", "end-to-end", "noise-variance"} <= set(result["caught_by"])
    assert float(result["epsilon_per_step"]) > 10 * result["epsilon_claimed"]


def test_the_guard_stands_for_everybody_but_the_audit() -> None:
    import torch
    from torch import nn

    from workbench.dpsgd.engines import make_engine
    from workbench.dpsgd.randomness import SecureStream

    reflecting = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), nn.Flatten(), nn.Linear(128, 2)
    )
    assert reflecting(torch.zeros(1, 1, 8, 8)).shape == (1, 2)
    with pytest.raises(BadInput, match="pads with reflect"):
        make_engine(
            "opacus-ghost", reflecting, max_grad_norm=1.0, noise_multiplier=1.0,
            expected_units=1.0, stream=SecureStream(),
        )  # fmt: skip


def test_a_known_outcome_can_be_accepted(data: str) -> None:
    result = audited(data, engine="privacy-engine", accept=NOT_FINITE)
    assert (result["verdict"], result["caught_by"]) == ("no violation found", [])
    assert set(result["accepted"]) <= set(NOT_FINITE)
    assert result["accepted"]


def test_the_result_holds_what_was_agreed_upon(last: Finished) -> None:
    result: Any = last.result
    keys = """epsilon_claimed epsilon_per_step epsilon_end_to_end epsilon_one_run_fdp
        epsilon_steinke epsilon_clopper_pearson ceiling ladder probes verdict caught_by says power
        level engine network bug optimizer unit canaries members nulls seconds planning_seconds
        claim statement units task accepted"""
    assert set(keys.split()) <= set(result)
    assert result["claim"] == {
        "noise_multiplier": 1.0, "sample_rate": 0.05, "steps": 40, **CLAIMED,
    }  # fmt: skip
    assert [rung["name"] for rung in result["ladder"]] == [
        "steinke", "one-run-fdp", "clopper-pearson", "end-to-end", "per-step",
    ]  # fmt: skip
    assert result["units"] == 120 + result["members"]
    assert all(0 <= probe["p_value"] <= 1 for probe in result["probes"])
    assert result["ceiling"] == result["ladder"][3]["ceiling"]


def test_the_arrays_are_those_of_the_figures(last: Finished) -> None:
    arrays, members = last.arrays, last.result["members"]
    assert arrays["noise/counts"].sum() <= 40 * 1500
    assert arrays["noise/counts"].sum() > 0.999 * 40 * 1500
    assert arrays["sampler/counts"].sum() == 40
    assert arrays["signals/in"].sum() + arrays["signals/out"].sum() == 40 * 200
    assert len(arrays["lambda/members"]) == members
    assert len(arrays["lambda/nulls"]) == 1500
    assert arrays["trade_off/beta"][0] <= 1
    assert (np.diff(arrays["trade_off/beta"]) <= 0).all()
    for rate in ("alpha", "beta"):
        low, at, high = (arrays[f"points/{rate}{end}"] for end in ("_low", "", "_high"))
        assert ((low <= at) & (at <= high)).all()


def test_events_come_in_order_and_survive_the_way_to_another_process(
    events: list[Event],
) -> None:
    kinds = [type(event) for event in events if not isinstance(event, Progress)]
    assert kinds == [Started, *[Probed] * (len(kinds) - 2), Finished]
    started, last = (next(e for e in events if isinstance(e, k)) for k in (Started, Finished))
    told = [event.test for event in events if isinstance(event, Probed)]
    tests = {one["test"] for one in last.result["probes"]}
    assert len(told) == len(set(told))
    assert set(told) == tests | {rung["name"] for rung in last.result["ladder"]}
    assert started.facts["epsilon_claimed"] == last.result["epsilon_claimed"]
    for event in events:
        again = from_message(to_message(event))
        assert type(again) is type(event)
        assert again.progress == event.progress


def test_what_is_certain_is_told_at_once(data: str) -> None:
    events = audit(AuditConfig(data=data, bug="clip-batch-mean", **SMALL))
    first = next(event for event in events if isinstance(event, Probed) and event.caught)
    assert first.room == "sensitivity"
    events.close()  # type: ignore[attr-defined]


def test_a_sign_comes_twice_a_second_and_stopping_takes_less_than_one(data: str) -> None:
    events = audit(AuditConfig(data=data, steps=5000, canaries=2000, nulls=20_000))
    last = time.monotonic()
    gaps: list[float] = []
    for event in events:
        gaps.append(time.monotonic() - last)
        last = time.monotonic()
        if isinstance(event, Progress) and event.doing == "training with canaries":
            break
    # The first event waits for libraries to be imported; a busy machine may be late once.
    assert np.median(gaps[1:]) < 0.5
    began = time.monotonic()
    events.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1


def test_a_persons_own_training_is_audited_by_its_path(data: str) -> None:
    right = audited(data, training=OWN_PATH, steps=15, **CLAIMED)
    assert (right["engine"], right["caught_by"]) == (OWN_PATH, [])
    wrong = audited(data, training="small_audits:half_noise", steps=15, **CLAIMED)
    assert "noise-variance" in wrong["caught_by"]
    assert "per-step" in wrong["caught_by"]


def test_released_values_that_are_no_numbers_are_told_and_bound_nothing(data: str) -> None:
    path = "small_audits:lost_its_numbers"
    result = audited(data, training=path, steps=5, **CLAIMED)
    assert result["verdict"] == "claim falsified"
    assert any("not finite" in one["says"] for one in result["probes"] if one["caught"])
    assert {rung["epsilon"] for rung in result["ladder"]} == {0.0}
    assert {rung["p_value"] for rung in result["ladder"]} == {1.0}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"canaries": 16}, "16 canaries cannot falsify a claim of epsilon .* or more are needed"),
        ({"network": "train-20261120-101010-abcdef"}, "was trained already, on data that this"),
        ({"network": "weights.safetensors"}, "was trained already, on data that this"),
        ({"network": "nothing"}, "There is no model 'nothing'"),
        ({"network": "unet-small"}, "has no masks for segmentation"),
        ({"network": "resnet9", "size": 40}, "multiple of 16 pixels, not 40"),
        ({"data": "nowhere.npz"}, "nowhere.npz"),
        ({"training": "no_such_module:train", **CLAIMED}, "cannot be found"),
        ({"training": "small_audits:nothing", **CLAIMED}, "cannot be found"),
        ({"training": "small_audits:not_a_function", **CLAIMED}, "is no function"),
        ({"training": "small_audits:never_observed", **CLAIMED}, "showed no step"),
        ({"training": "small_audits:on_its_own", **CLAIMED}, "showed no record"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    data: str, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        audited(settings.pop("data", data), **settings)


def test_one_patient_is_too_few(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((8, 32, 32)).astype(np.float32)
    np.savez(tmp_path / "one.npz", images=images, labels=np.arange(8) % 2, patient=np.zeros(8))
    with pytest.raises(BadInput, match="has only one patient"):
        audited(str(tmp_path / "one.npz"), unit="patient")


def test_the_plan_is_made_once_for_audits_of_one_size() -> None:
    assert planned(AuditConfig(**SMALL)) is planned(AuditConfig(**SMALL, engine="opacus"))


def test_canaries_lie_behind_the_natural_records_in_units_of_their_own(data: str) -> None:
    slices = load(data, size=32)
    for unit, units, each in (("slice", 120, 1), ("patient", 30, 2)):
        config = AuditConfig(data=data, unit=unit, **SMALL)  # type: ignore[arg-type]
        case = make_case(config, slices)
        records, members = case.records, int(case.members.sum())
        assert len(records) == 120 + members * each
        assert records.unit_count == units + members
        assert (records.coordinates[:120] == 0).all()
        placed = records.coordinates[120:].numpy().reshape(members, each)
        assert (placed == np.flatnonzero(case.members)[:, None] + 1).all()
        assert (np.bincount(records.units)[units:] == each).all()


def test_members_can_be_those_of_ones_own_coins(data: str) -> None:
    coins = tuple((np.random.default_rng(5).random(200) < 0.5).tolist())
    assert audited(data, members=coins)["members"] == sum(coins)


def test_every_audits_every_engine_with_one_level_for_all() -> None:
    for nightly in (False, True):
        ways = every(nightly=nightly)
        assert {config.engine for config in ways.values()} == set(TRAININGS)
        assert sum(config.level for config in ways.values()) <= 1.01e-4
    assert all(not every(nightly=False)[engine].accept for engine in ENGINES)
