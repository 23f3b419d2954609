"""Killed workers, killed studies: no training is lost, none is finished twice."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench.errors import WorkbenchError
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialFailed, TrialLost
from workbench.exploring.sweep import Sweep
from workbench.runs import fleet
from workbench.runs.configs import config_key, values_key
from workbench.runs.crew import DEATH
from workbench.runs.events import Event
from workbench.runs.fleet import ATTEMPTS
from workbench.runs.jobs import close
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig


@pytest.fixture(scope="module", autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    close()


def study(data: str, **settings: Any) -> ExploreConfig:
    train = TrainConfig(
        data=data, steps=2, sample_rate=0.5, model="unet-small",
        privacy=PrivacyConfig(target_epsilon=1.0, delta=1e-3),
    )  # fmt: skip
    return ExploreConfig(**{"train": train, "epsilons": (math.inf,), "seeds": 2} | settings)


def workers(pid: int) -> list[psutil.Process]:
    """Worker processes; multiprocessing's resource tracker is a child too."""
    children = psutil.Process(pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_the_training_of_a_killed_worker_is_repeated_and_no_other(discs: str) -> None:
    config, store = study(discs), Store()
    sweep = Sweep(config, store)
    seen: list[Event] = []
    begun: set[str] = set()
    for event in sweep.events():
        seen.append(event)
        at_work = [] if begun else store.list("train")
        if len(at_work) == 2:
            sweep.pause()  # after what they say first they stand still, until one is killed
        if len(at_work) == 2 and all(record.fingerprint for record in at_work):
            begun = {record.id for record in at_work}
            workers(os.getpid())[0].kill()  # SIGKILL, as kill -9
            sweep.go_on()
    lost = {event.run for event in seen if isinstance(event, TrialLost)}
    assert len(lost) == 1
    assert lost < begun
    assert not any(isinstance(event, TrialFailed) for event in seen)
    finished = [record for record in store.list("train") if record.status == "finished"]
    assert sorted(values_key(record.config) for record in finished) == sorted(
        config_key(trial.config) for trial in config.trials()
    )
    assert all(store.record(run).status == "failed" for run in lost)
    assert {one.run for one in seen if isinstance(one, Explored)} == {r.id for r in finished}
    assert begun - lost < {record.id for record in finished}


@dataclass
class Doomed:
    """A job whose worker has died."""

    run: str
    status: str = "failed"
    message: str = DEATH.message
    progress: None = None
    events: tuple[Event, ...] = ()

    def result(self, timeout: float) -> None:
        raise WorkbenchError(self.message)

    def cancel(self) -> None:
        """It has ended already."""


def test_a_training_that_kills_every_worker_is_given_up(
    discs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Doomed] = []

    def start(work: str, config: dict[str, Any], **_: Any) -> Doomed:
        started.append(Doomed(f"train-{len(started)}"))
        return started[-1]

    monkeypatch.setattr(fleet, "start", start)
    monkeypatch.setattr(fleet, "_LOOK_SECONDS", 0.01)
    told = Counter(type(event) for event in Sweep(study(discs), Store()).events())
    assert len(started) == 2 * ATTEMPTS
    assert told[TrialLost] == 2 * (ATTEMPTS - 1)
    assert told[TrialFailed] == 2


@pytest.mark.slow
def test_a_killed_study_is_started_again_where_it_was(discs: str, tmp_path: Path) -> None:
    words = (
        f"explore --data {discs} --epsilons inf --seeds 3 --steps 4 --sample-rate 0.5 "
        f"--delta 1e-3 --model unet-small --out {tmp_path} --json"
    )
    command = [sys.executable, "-m", "workbench", *words.split()]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stderr is not None
    line = next(line for line in first.stderr if ": dice" in line)
    done = line.rpartition("(")[2].strip(")\n")
    helpers = workers(first.pid)
    first.kill()  # SIGKILL, as kill -9
    first.communicate()
    psutil.wait_procs(helpers, timeout=30)

    store = Store(tmp_path)
    before = {r.id: r for r in store.list("train") if r.status == "finished"}
    assert done in before
    assert len(before) < 3
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)

    rows = json.loads(again.stdout.splitlines()[-1])["explored"]
    assert [(row["epsilon"], row["seed"]) for row in rows] == [("inf", seed) for seed in range(3)]
    finished = [r for r in store.list("train") if r.status == "finished"]
    assert {row["run"] for row in rows} == {r.id for r in finished}
    assert max(Counter(values_key(r.config) for r in finished).values()) == 1
    assert len(finished) == 3
    assert before == {r.id: r for r in finished if r.id in before}
