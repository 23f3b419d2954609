"""A study may begin from a training on phantoms: run once, found again, part of the study."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import BadInput, WorkbenchError
from workbench.exploring import beginning
from workbench.exploring.beginning import DOING, Beginning, pretrained_run
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, PretrainingBegun, PretrainingDone, TrialBegun
from workbench.exploring.job import finished_before
from workbench.exploring.recipes import recipe
from workbench.exploring.study_file import recalled
from workbench.exploring.sweep import Sweep
from workbench.runs import fleet
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.crew import DEATH
from workbench.runs.events import Event, Failed, Progress, Started
from workbench.runs.inline import drive
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

PHANTOMS = TrainConfig(
    data="phantom-liver:patients=8,slices=1,size=32", model="unet-small", steps=1, sample_rate=0.5
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings run in the sweep's own thread."""
    for module in (fleet, beginning):
        monkeypatch.setattr(module, "start", partial(start, where="inline"))
        monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)


def study(data: str = "own.npz", **settings: Any) -> ExploreConfig:
    train = TrainConfig(
        data=data, steps=1, sample_rate=0.3, model="unet-small",
        privacy=PrivacyConfig(target_epsilon=8.0, delta=1e-3),
    )  # fmt: skip
    given: dict[str, Any] = {"train": train, "epsilons": (8.0,), "seeds": 1}
    return ExploreConfig(**{**given, "pretraining": PHANTOMS} | settings)


def of_kind(kind: type[Event], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_every_training_begins_from_one_that_came_first_and_is_never_repeated(discs: str) -> None:
    store, config = Store(), study(discs)
    assert finished_before(config, store) == []
    events = list(Sweep(config, store).events())
    assert [type(event) for event in events[:2]] == [Started, PretrainingBegun]
    (done,) = of_kind(PretrainingDone, events)
    (one,) = of_kind(Explored, events)
    first, record = store.list("train")
    assert (first.id, first.study, done.score_name) == (done.run, None, "dice")
    assert config_from_json(TrainConfig, first.config) == PHANTOMS
    assert first.result is not None
    assert done.score == first.result["dice"]
    assert record.config["pretrained"] == first.id
    assert f"the starting weights, of run {first.id} on phantom-liver" in one.guarantee
    assert finished_before(config, store) == [one]
    assert recalled(config.study, store) == config

    again = list(Sweep(config, store).events())
    assert of_kind(PretrainingBegun, again) == of_kind(TrialBegun, again) == []
    assert of_kind(Explored, again) == [one]

    other = replace(config, epsilons=(math.inf,))
    beside = list(Sweep(other, store).events())
    assert of_kind(PretrainingBegun, beside) == []
    assert of_kind(PretrainingDone, beside) == [done]
    assert len(store.list("train")) == 3


def test_the_name_of_a_study_follows_from_the_settings_of_its_beginning() -> None:
    assert study().study == study().study
    longer = replace(PHANTOMS, steps=2)
    names = {study().study, study(pretraining=longer).study, study(pretraining=None).study}
    assert len(names) == 3
    assert config_from_json(ExploreConfig, config_to_json(study())) == study()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pretraining": replace(PHANTOMS, data="own.npz")}, "learns from drawn patients"),
        (
            {"pretraining": replace(PHANTOMS, privacy=PrivacyConfig(target_epsilon=1.0))},
            "whom nobody needs to protect; leave its privacy settings out",
        ),
        ({"pretraining": replace(PHANTOMS, pretrained="r")}, "a pre-training from drawn weights"),
        ({"pretraining": replace(PHANTOMS, model="unet")}, "weights do not fit unet-small"),
        ({"axes": {"model": ("unet-small", "unet")}}, "weights do not fit unet; leave"),
        (
            {"train": replace(study().train, pretrained="train-1")},
            "begins from its pre-training or from a finished run",
        ),
    ],
)
def test_a_beginning_that_makes_no_sense_is_refused(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        study(**settings)


def test_where_the_beginning_fails_nothing_else_is_begun(discs: str) -> None:
    lesions = replace(PHANTOMS, data="phantom-lesion:patients=8,slices=1,size=32")
    store = Store()
    with pytest.raises(BadInput, match="The pre-training could not be finished: "):
        list(Sweep(study(discs, pretraining=lesions), store).events())
    assert [record.status for record in store.list()] == ["failed"]


def test_a_beginning_that_kills_every_worker_is_given_up(
    monkeypatch: pytest.MonkeyPatch, discs: str
) -> None:
    store = Store()

    def dies(work: str, config: dict[str, Any], **_: Any) -> Doomed:
        run = store.open("train", config)
        store.append(run, DEATH)
        return Doomed(run)

    monkeypatch.setattr(beginning, "start", dies)
    with pytest.raises(WorkbenchError, match="The pre-training could not be finished: The worker"):
        list(Sweep(study(discs), store).events())
    assert [record.status for record in store.list()] == ["failed"] * 3


class Doomed:
    """A job whose worker has died."""

    message = DEATH.message

    def __init__(self, run: str) -> None:
        self.run = run

    def result(self, timeout: float) -> None:
        raise WorkbenchError(self.message)

    def cancel(self) -> None:
        """It has ended already."""


def test_a_beginning_at_work_in_another_process_is_waited_for() -> None:
    store = Store()
    values = config_to_json(PHANTOMS)
    other = store.open("train", values)
    first = Beginning(PHANTOMS, store)
    seen: list[Event] = []
    for event in first.events(going()):
        if isinstance(event, Progress) and not seen:
            assert event.doing == DOING
            for _ in drive("workbench.training.loop:work", values, run=other, store=store):
                pass
        seen.append(event)
    assert isinstance(seen[-1], PretrainingDone)
    assert first.run == other
    assert len(store.list("train")) == 1


def going() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_of_several_the_oldest_that_still_has_its_weights_is_taken() -> None:
    store = Store()
    runs = [start("workbench.training.loop:work", config_to_json(PHANTOMS), kind="train",
                  store=store, where="inline").run for _ in range(2)]  # fmt: skip
    found = pretrained_run(PHANTOMS, store)
    assert found is not None
    assert found.id == runs[0]
    (store.folder(runs[0]) / "checkpoint.safetensors").unlink()
    found = pretrained_run(PHANTOMS, store)
    assert found is not None
    assert found.id == runs[1]
    assert pretrained_run(replace(PHANTOMS, steps=2), store) is None


def test_failed_runs_are_no_beginning() -> None:
    store = Store()
    run = store.open("train", config_to_json(PHANTOMS))
    store.append(run, Failed(message="x"))
    assert pretrained_run(PHANTOMS, store) is None


RECIPE = """
description = "Begins from phantoms."
source = "A test."

[train]
model = "unet-small"
steps = 1
sample_rate = 0.3

[privacy]
delta = 1e-3

[study]
epsilons = [8.0, inf]
seeds = 1

[study.axes]
learning_rate = [1e-3, 3e-3]

[pretraining]
data = "phantom-liver:patients=8,slices=1,size=32"
model = "unet-small"
steps = 1
sample_rate = 0.5
"""


def test_a_recipe_holds_axes_and_a_beginning(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(RECIPE)
    own = recipe(str(path))
    assert own.first == PHANTOMS
    assert own.study.axes == {"learning_rate": (1e-3, 3e-3)}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("setps = 3", "A recipe has no setting setps"),
        ('pretrained = "train-1"', "A recipe has no setting pretrained"),
        ("max_grad_norm = 1.0", "A recipe has no setting max_grad_norm"),
    ],
)
def test_a_wrong_beginning_in_a_recipe_is_one_sentence(
    tmp_path: Path, line: str, sentence: str
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f"{RECIPE}{line}\n")
    with pytest.raises(BadInput, match=sentence):
        recipe(str(path))


def test_data_that_cannot_be_read_are_found_out_before_anything_is_trained(tmp_path: Path) -> None:
    store = Store()
    with pytest.raises(BadInput) as refused:
        list(Sweep(study(str(tmp_path / "nowhere.npz")), store).events())
    assert refused.value.field == "data"
    assert store.list("train") == []
