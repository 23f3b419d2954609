"""An attack on membership as a person meets it: trainings, answers, refusals."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench.accounting.ledger.ledger import Ledger
from workbench.auditing.membership.audit import (
    MembershipAudit,
    ModelTrained,
    membership_report,
)
from workbench.auditing.membership.catalogue import ATTACKS
from workbench.auditing.membership.config import MembershipConfig, references_of, with_coins
from workbench.auditing.membership.losses import slice_signals, unit_signals
from workbench.auditing.membership.membership import infer
from workbench.auditing.membership.models import finished, study_of
from workbench.dpsgd.sampler import Units
from workbench.errors import BadInput, WorkbenchError
from workbench.imaging.load import load
from workbench.models.losses import record_losses
from workbench.runs import fleet
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.crew import DEATH
from workbench.runs.events import Finished
from workbench.runs.fleet import ATTEMPTS
from workbench.runs.inline import drive
from workbench.runs.jobs import close, start
from workbench.runs.record import ALIVE
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.events import Step
from workbench.training.members import coins_of


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    monkeypatch.setattr(fleet, "_LOOK_SECONDS", 0.001)


def target(data: str, **changes: Any) -> TrainConfig:
    return TrainConfig(**{"data": data, "model": "mlp", "steps": 2, "sample_rate": 0.5} | changes)


def trained(store: Store) -> list[str]:
    return [record.id for record in store.list("train") if record.status == "finished"]


def test_references_are_complementary_halves_of_other_coins() -> None:
    first = with_coins(target("x", seed=3))
    assert first.members == "patient coins 3, half 0"
    references = references_of(first, 6)
    heads = np.array([coins_of(str(each.members)).heads(1000) for each in references])
    assert (heads.sum(axis=0) == 3).all()
    assert (heads[0] ^ heads[1]).all()
    own = coins_of(first.members).heads(1000)
    for half in heads:  # neither the target's half nor its complement
        assert 400 < (half == own).sum() < 600
    assert len({each.seed for each in (first, *references)}) == 7
    assert {replace(each, members=None, seed=0) for each in references} == {target("x")}


def test_an_attack_from_beginning_to_end(inline: None, discs: str, workspace: Path) -> None:
    privacy = PrivacyConfig(noise_multiplier=1.0, delta=1e-3)
    config = MembershipConfig(train=target(discs, privacy=privacy))
    store = Store()
    events = list(MembershipAudit(config, store).events())

    there = [event for event in events if isinstance(event, ModelTrained)]
    assert sorted(event.number for event in there) == [0, 1, 2, 3, 4]
    assert {event.run for event in there} == set(trained(store))
    assert len(Ledger(workspace).charges("discs")) == 5  # each model is charged

    last = events[-1]
    assert isinstance(last, Finished)
    found = json.loads(json.dumps(last.result, allow_nan=False))
    assert found["target"] == next(event.run for event in there if event.number == 0)
    assert (found["unit"], found["units"]) == ("patient", 10)
    assert found["members"] + found["strangers"] == 10
    assert set(found["attacks"]) == set(ATTACKS)
    for name, figures in found["attacks"].items():
        assert figures["auc"]["low"] <= figures["auc"]["value"] <= figures["auc"]["high"]
        assert [rate["reliable"] for rate in figures["rates"]] == [False, False]
        assert last.arrays[f"{name}/scores"].shape == last.arrays["members"].shape == (10,)
    said = " ".join(found["words"])
    assert "An attack that fails proves nothing" in said
    assert "Intervals are over patients, given this one target" in said
    assert "takes 3,000 patients that did not train" in said
    assert "-DP per patient" in said
    assert found["delta"] == found["claim"]["delta"] == 1e-3

    (run,) = store.list("membership")
    assert run.status == "finished"
    assert run.study == study_of(with_coins(config.train))  # type: ignore[arg-type]
    assert set(store.arrays(run.id)) == set(last.arrays)


def test_what_has_finished_is_never_trained_again(inline: None, discs: str) -> None:
    store = Store()
    membership_report(MembershipConfig(train=target(discs)), store)
    before = trained(store)
    again = MembershipConfig(train=target(discs), offline_a=0.8, signal="dice", confidence=0.9)
    membership_report(again, store)
    assert trained(store) == before
    more = membership_report(MembershipConfig(train=target(discs), references=6), store)
    assert trained(store)[:5] == before
    assert len(trained(store)) == 7
    assert len(more["references"]) == 6


def test_a_finished_run_is_attacked_by_its_name(inline: None, discs: str) -> None:
    store = Store()
    coined = config_to_json(target(discs, members="slice coins 5, half 1"))
    run = start("workbench.training.loop:work", coined, kind="train", where="inline").run
    found = membership_report(MembershipConfig(run=run), store)
    assert found["target"] == run
    assert (found["unit"], found["units"]) == ("slice", 40)
    assert len(trained(store)) == 5


@pytest.mark.slow
def test_killing_an_attack_and_starting_it_again_repeats_nothing_finished(discs: str) -> None:
    store, config = Store(), MembershipConfig(train=target(discs))
    try:
        events = MembershipAudit(config, store).events()
        for event in events:
            if isinstance(event, ModelTrained):
                break
        events.close()  # type: ignore[attr-defined]  # as a kill does: nothing after the first
        while any(record.status in ALIVE for record in store.list("train")):
            time.sleep(0.05)
        done = trained(store)
        again = list(MembershipAudit(config, store).events())
    finally:
        close()
    assert done
    assert set(done) <= set(trained(store))
    assert len(trained(store)) == 5
    assert isinstance(again[-1], Finished)


@dataclass
class Doomed:
    """A job whose worker has died."""

    run: str = "train-x"
    status: str = "failed"
    message: str = DEATH.message
    progress: None = None

    def result(self, timeout: float) -> None:
        raise WorkbenchError(self.message)

    def cancel(self) -> None:
        """It has ended already."""


def test_a_training_that_kills_every_worker_is_given_up(
    discs: str, inline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def doom(work: str, config: dict[str, Any], **_: Any) -> Doomed:
        begun.append(config["members"])
        return Doomed()

    monkeypatch.setattr(fleet, "start", doom)
    with pytest.raises(WorkbenchError, match="Training the target could not be finished"):
        list(MembershipAudit(MembershipConfig(train=target(discs)), Store(), at_once=1).events())
    assert begun == ["patient coins 0, half 0"] * ATTEMPTS


def test_a_budget_without_room_for_a_reference_says_which(
    inline: None, discs: str, workspace: Path
) -> None:
    privacy = PrivacyConfig(noise_multiplier=1.0, delta=1e-3)
    config = MembershipConfig(train=target(discs, privacy=privacy))
    events = MembershipAudit(config, Store(), at_once=1).events()
    for event in events:
        if isinstance(event, ModelTrained):
            Ledger(workspace).set_budget("discs", epsilon=1e-3, delta=1e-3)
            break
    with pytest.raises(BadInput, match="Training reference 1 could not be finished: .*budget"):
        list(events)


def test_a_training_that_a_budget_ended_early_is_no_reference(discs: str, workspace: Path) -> None:
    privacy = PrivacyConfig(noise_multiplier=1.0, delta=1e-3)
    config, store = MembershipConfig(train=target(discs, privacy=privacy, steps=4)), Store()
    first = with_coins(config.train)  # type: ignore[arg-type]
    values = config_to_json(first)
    run = store.open("train", values, study=study_of(first))
    for event in drive("workbench.training.loop:work", values, run=run, store=store):
        if isinstance(event, Step) and event.step == 1:
            Ledger(workspace).set_budget("discs", epsilon=1e-3, delta=1e-3)
    assert store.record(run).status == "finished"
    assert finished(config, store)[0] is None


class Said(nn.Module):
    """A network that says the same of every slice."""

    def __init__(self, outputs: torch.Tensor) -> None:
        super().__init__()
        self.outputs = nn.Parameter(outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.outputs.expand(len(images), *self.outputs.shape[1:])


def test_the_logit_is_that_of_the_true_class_however_sure_the_network_is(discs: str) -> None:
    slices = replace(load(discs), masks=None, labels=np.arange(48) % 3, classes=("a", "b", "c"))
    for outputs in ([0.3, -1.0, 2.0], [0.0, 80.0, -40.0]):
        network = Said(torch.tensor([outputs]))
        found = np.concatenate(list(slice_signals(network, "classification", slices, "logit")))
        odds = [Fraction(math.exp(value)) for value in np.float32(outputs).tolist()]
        expected = [math.log(odds[k] / (sum(odds) - odds[k])) for k in slices.labels]
        assert found == pytest.approx(expected, abs=1e-6)


def test_the_signals_of_masks_are_log_odds_of_loss_and_overlap(discs: str) -> None:
    slices = load(discs)
    network = Said(torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    masks = torch.from_numpy(slices.masks.astype(np.int64))
    outputs = network(masks).double().detach()
    confidence = torch.exp(-record_losses("segmentation", outputs, masks)).numpy()
    found = np.concatenate(list(slice_signals(network, "segmentation", slices, "loss")))
    assert found == pytest.approx(np.log(confidence / (1 - confidence)), abs=1e-6)
    p, wanted = torch.sigmoid(outputs).numpy(), slices.masks
    dice = (2 * (p * wanted).sum((1, 2, 3)) + 1) / ((p + wanted).sum((1, 2, 3)) + 1)
    found = np.concatenate(list(slice_signals(network, "segmentation", slices, "dice")))
    assert found == pytest.approx(np.log(dice / (1 - dice)), abs=1e-6)


def test_a_patient_has_the_mean_signal_of_all_slices() -> None:
    units = Units.of(np.array(["b", "a", "b", "b"]), "patient")
    assert unit_signals(np.array([1.0, 7.0, 2.0, 6.0]), units) == pytest.approx([7.0, 3.0])


@pytest.mark.parametrize(
    ("changes", "sentence", "field"),
    [
        ({"train": None}, "Give either a training or a finished run to attack, not neither", "run"),
        ({"run": "train-1"}, "not both", "run"),
        ({"references": 2}, "References must be 4 or more, not 2", "references"),
        ({"references": 5}, "take 4 or 6 of them, not 5", "references"),
        ({"signal": "accuracy"}, "Signal must be logit or loss or dice", "signal"),
        ({"signal": "logit"}, "segmentation has no signal logit; choose loss or dice", "signal"),
        ({"offline_a": 1.5}, "Offline a must be 0 to 1", "offline_a"),
        ({"delta": 0.0}, "Delta must be between 0 and 1", "delta"),
        ({"confidence": 1.0}, "Confidence must be between 0 and 1", "confidence"),
    ],
)
def test_an_attack_that_makes_no_sense_is_refused(
    changes: dict[str, Any], sentence: str, field: str
) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        MembershipConfig(**{"train": target("x", task="segmentation")} | changes)
    assert refused.value.field == field


def test_a_signal_of_another_task_is_refused_once_the_task_is_known(
    inline: None, discs: str
) -> None:
    with pytest.raises(BadInput, match="segmentation has no signal logit"):
        membership_report(MembershipConfig(train=target(discs), signal="logit"), Store())


def test_a_run_whose_members_no_coin_decided_is_refused(discs: str) -> None:
    plain = config_to_json(target(discs))
    run = start("workbench.training.loop:work", plain, kind="train", where="inline").run
    with pytest.raises(BadInput, match="no coin decided who is a member"):
        membership_report(MembershipConfig(run=run), Store())
    with pytest.raises(BadInput, match="There is no run"):
        membership_report(MembershipConfig(run="train-unknown"), Store())


def test_a_model_of_unknown_data_is_refused(
    inline: None, discs: str, tmp_path: Path, workspace: Path
) -> None:
    copy = tmp_path / "copy.npz"
    arrays = dict(np.load(discs))
    np.savez(copy, **arrays)
    config = MembershipConfig(train=target(str(copy)))
    store = Store()
    membership_report(config, store)
    np.savez(copy, **{**arrays, "images": arrays["images"][::-1]})
    with pytest.raises(BadInput, match="trained on other data than copy holds now"):
        membership_report(config, store)
    copy.unlink()
    with pytest.raises(BadInput, match="There is no file or folder"):
        list(infer(config, home=workspace))


def test_nothing_is_attacked_before_every_reference_is_there(discs: str, workspace: Path) -> None:
    config = MembershipConfig(train=target(discs))
    Store().close()
    with pytest.raises(BadInput, match="Only 0 of the target and its 4 references have finished"):
        list(infer(config, home=workspace))


def test_an_attack_survives_being_written_down() -> None:
    config = MembershipConfig(train=target("x", members="slice coins 1, half 4"), references=8)
    assert config_from_json(MembershipConfig, config_to_json(config)) == config
