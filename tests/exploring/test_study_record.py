"""What a study finds in the store when it is taken up again, and when it refuses to go on."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialBegun, UnderWay
from workbench.exploring.found import explored_from
from workbench.exploring.job import finished_before
from workbench.exploring.rows import rows
from workbench.exploring.scores import ALL_METRICS, LOWER_IS_BETTER, METRICS, best_runs, better
from workbench.exploring.study_file import recalled, study_path
from workbench.exploring.sweep import Sweep
from workbench.runs import fleet
from workbench.runs.configs import config_to_json
from workbench.runs.events import Event, Finished
from workbench.runs.jobs import start
from workbench.runs.record import RunRecord
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings run in the sweep's own thread."""
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    monkeypatch.setattr(fleet, "_LOOK_SECONDS", 0.01)


@pytest.fixture
def data(discs: str, tmp_path: Path) -> str:
    return str(shutil.copy(discs, tmp_path / "own.npz"))


def change(data: str) -> None:
    with np.load(data) as arrays:
        own = dict(arrays)
    own["images"] = own["images"][::-1].copy()
    np.savez(data, **own)


def study(data: str, **settings: Any) -> ExploreConfig:
    privacy = PrivacyConfig(noise_multiplier=1.0, delta=1e-3)
    train = TrainConfig(data=data, steps=1, sample_rate=0.3, model="unet-small", privacy=privacy)
    return ExploreConfig(**{"train": train, "epsilons": (math.inf,), "seeds": 2} | settings)


def carried_out(config: ExploreConfig) -> list[Event]:
    return list(Sweep(config, Store()).events())


def explored(events: list[Event]) -> list[Explored]:
    return [event for event in events if isinstance(event, Explored)]


def begun(events: list[Event]) -> list[TrialBegun]:
    return [event for event in events if isinstance(event, TrialBegun)]


def test_each_row_has_its_place_on_all_axes(data: str) -> None:
    axes: dict[str, tuple[Any, ...]] = {"noise_multiplier": (0.5, 4.0), "optimizer": ("adam",)}
    events = carried_out(study(data, epsilons=(), seeds=1, axes=axes))
    last = events[-1]
    assert isinstance(last, Finished)
    found = last.result["explored"]
    assert [row["noise_multiplier"] for row in found] == [4.0, 0.5]
    assert 0 < found[0]["epsilon"] < found[1]["epsilon"] < math.inf
    assert {row["optimizer"] for row in found} == {"adam"}
    assert all(0 <= row["dice"] <= 1 for row in found)
    assert last.result["left"] == 0
    again = carried_out(study(data, epsilons=(), seeds=1, axes=axes))
    assert begun(again) == []
    assert again[-1].result == last.result  # type: ignore[attr-defined]


def test_a_study_says_what_is_at_work_what_is_best_and_how_long(data: str) -> None:
    events = carried_out(study(data, seeds=3))
    looks = [event for event in events if isinstance(event, UnderWay)]
    done = explored(events)
    assert [one.run for one in begun(events)] == [one.run for one in done]
    assert looks[-1].best == (max(done, key=lambda one: one.score).run,)
    assert looks[-1].seconds_left == 0
    assert (looks[-1].done, looks[-1].total) == (3, 3)


def test_a_budget_of_runs_is_extended_without_repeating_any(data: str) -> None:
    first = explored(carried_out(study(data, seeds=3, runs=1)))
    second = explored(carried_out(study(data, seeds=3, runs=2)))
    assert len(first) == 1
    assert len(second) == 2
    assert first[0] in second


def test_when_the_minutes_are_over_no_further_training_begins(data: str) -> None:
    config = study(data, seeds=6, minutes=0.0001)
    last = carried_out(config)[-1]
    assert isinstance(last, Finished)
    assert len(last.result["explored"]) + last.result["left"] == 6
    assert last.result["left"] >= 4


def test_changed_data_stop_a_study_and_touch_no_finished_run(data: str) -> None:
    kept = Path(data).read_bytes()
    first = explored(carried_out(study(data, runs=1)))
    before = Store().list("train")
    change(data)
    with pytest.raises(BadInput, match="have changed since it began"):
        carried_out(study(data, runs=2))
    assert Store().list("train") == before
    assert explored(carried_out(study(data, runs=1))) == first
    Path(data).write_bytes(kept)
    assert explored(carried_out(study(data, runs=2)))[0] == first[0]


def test_data_that_change_while_a_study_is_at_work_stop_it(data: str) -> None:
    kept = Path(data).read_bytes()
    events = Sweep(study(data), Store(), at_once=1).events()
    next(event for event in events if isinstance(event, Explored))
    change(data)
    with pytest.raises(BadInput, match="have changed since it began"):
        list(events)
    Path(data).write_bytes(kept)
    again = carried_out(study(data))
    assert len(begun(again)) == 1
    assert len({one.score for one in explored(again)}) == 2


def test_a_metric_that_the_task_lacks_is_refused_as_soon_as_the_task_is_known(data: str) -> None:
    with pytest.raises(
        BadInput, match="has no auroc; choose dice, dice_global, hausdorff95 or ece"
    ):
        carried_out(study(data, metric="auroc"))
    carried_out(study(data, runs=1))
    before = Store().list("train")
    with pytest.raises(BadInput, match="A segmentation has no mcc"):
        finished_before(study(data, metric="mcc"), Store())
    with pytest.raises(BadInput, match="A segmentation has no mcc"):
        carried_out(study(data, runs=2, metric="mcc"))
    assert Store().list("train") == before


@pytest.mark.parametrize("metric", METRICS["classification"])
def test_a_study_compares_by_the_chosen_metric(tmp_path: Path, metric: str) -> None:
    images = np.random.default_rng(0).uniform(0, 1, (32, 16, 16)).astype(np.float32)
    path = tmp_path / "labelled.npz"
    patients, labels = np.arange(32) // 2, np.arange(32) % 2
    np.savez(path, images=images, labels=labels, patient=patients)
    train = TrainConfig(
        data=str(path), model="cnn", steps=1, sample_rate=0.5,
        privacy=PrivacyConfig(noise_multiplier=1.0),
    )  # fmt: skip
    config = ExploreConfig(train=train, epsilons=(math.inf,), seeds=1, metric=metric)
    (one,) = explored(carried_out(config))
    result = Store().record(one.run).result
    assert result is not None
    assert (one.score_name, one.score) == (metric, result[metric])


def test_the_best_run_of_each_epsilon_is_never_one_without_a_score() -> None:
    def one(epsilon: float, run: str, score: float) -> Explored:
        return Explored(
            epsilon=epsilon, seed=0, run=run, score=score, score_name="auroc",
            noise_multiplier=1.0, guarantee="",
        )  # fmt: skip

    found = [one(8, "a", math.nan), one(1, "b", 0.4), one(8, "c", 0.6), one(8, "d", 0.5)]
    assert [best.run for best in best_runs(found)] == ["b", "c"]
    assert [row["epsilon"] for row in rows(found)] == [1, 8, 8, 8]


def test_of_a_distance_or_an_error_the_lowest_is_the_best() -> None:
    def one(run: str, score: float) -> Explored:
        return Explored(
            epsilon=8, seed=0, run=run, score=score, score_name="hausdorff95",
            noise_multiplier=1.0, guarantee="",
        )  # fmt: skip

    (best,) = best_runs([one("a", math.nan), one("b", 4.0), one("c", 2.5), one("d", 3.0)])
    assert best.run == "c"
    assert {metric for metric in ALL_METRICS if better(metric, 0.1, 0.2)} == LOWER_IS_BETTER


def test_a_run_brings_all_its_scores_and_those_of_its_groups(data: str) -> None:
    config, store = study(data, runs=1), Store()
    (one,) = explored(carried_out(config))
    record = store.record(one.run)
    assert record.result is not None
    measured = {name: record.result[name] for name in METRICS["segmentation"]}
    assert one.scores == pytest.approx(measured, nan_ok=True)
    groups = {"size: small": {"dice": 0.5, "count": 3}, "size: large": {"dice": None, "count": 1}}
    (trial,) = config.trials()
    grouped = replace(record, result={**record.result, "groups": groups})
    assert explored_from(trial, grouped).groups == {
        "size: small": {"dice": 0.5, "count": 3}, "size: large": {"count": 1},
    }  # fmt: skip
    assert (
        explored_from(trial, replace(record, result={**record.result, "groups": None})).groups == {}
    )
    (row,) = rows([one])
    assert {name: row[name] for name in measured} == one.scores


def test_less_than_one_training_at_once_is_refused(data: str) -> None:
    with pytest.raises(BadInput, match="At once must be 1 or more"):
        Sweep(study(data), Store(), at_once=0)


def test_a_training_at_work_in_another_process_is_waited_for(data: str) -> None:
    config = study(data)
    first = config.trials()[0]
    store = Store()
    other = store.open("train", config_to_json(first.config), study=config.study)
    events = Sweep(config, store).events()
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        if isinstance(event, UnderWay) and len(begun(seen)) == 1 and event.done == 1:
            assert event.running == {other: 0.0}
            finish(store, other, next(one for one in seen if isinstance(one, Explored)))
    assert other in {one.run for one in explored(seen)}
    assert len(store.list("train")) == 2


def finish(store: Store, run: str, like: Explored) -> None:
    record: RunRecord = store.record(like.run)
    assert record.result is not None
    store.append(run, Finished(result={**record.result, "fingerprint": record.fingerprint}))


def test_a_study_is_taken_up_by_its_name(data: str) -> None:
    config = study(data, axes={"steps": (1, 2)}, runs=1)
    carried_out(config)
    assert recalled(config.study, Store()) == config
    with pytest.raises(BadInput, match=f"There is no study nowhere in .*{config.study}"):
        recalled("nowhere", Store())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("nonsense", "is damaged; remove it"),
        ("[1]", "is damaged; remove it"),
        (
            json.dumps({"format": 99, "config": {}}),
            "another version .*format 99, this version reads 1",
        ),
    ],
)
def test_a_study_file_of_another_version_is_refused_and_left_alone(
    data: str, content: str, sentence: str
) -> None:
    config = study(data, runs=1)
    before = explored(carried_out(config))
    path = study_path(config.study, Store())
    path.write_text(content)
    with pytest.raises(BadInput, match=sentence):
        carried_out(config)
    with pytest.raises(BadInput, match=sentence):
        recalled(config.study, Store())
    assert path.read_text() == content
    assert finished_before(config, Store()) == before
