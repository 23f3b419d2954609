"""How much sooner two trainings at once finish a study than one after the other."""

from __future__ import annotations

import math
import multiprocessing
import tempfile
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.sweep import Sweep
from workbench.runs.allocator import keep_freed_memory
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_key
from workbench.runs.jobs import close
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.loop import train

STEPS = 60
SEEDS = 4
ROUNDS = 2


def measure(steps: str = str(STEPS)) -> list[dict[str, object]]:
    """The same study with one and with two trainings at once, alternating, on warm workers.

    Beside it the same trainings in two processes that do nothing else, record nothing and talk to
    nobody: what the machine itself gains by its second core.

    Args:
        steps: of each training; fewer of them give more weight to what is around a training.
    """
    ways = {"study": _study_seconds, "bare": _bare_seconds}
    try:
        _study_seconds(1, at_once=2)  # starts the workers and lets both import everything
        rounds = [
            {
                name: [seconds(int(steps), at_once=n) for n in (1, 2)]
                for name, seconds in ways.items()
            }
            for _ in range(ROUNDS)
        ]
    finally:
        close()
    return [
        {"round": number, "trainings": 2 * SEEDS}
        | {
            f"{name}, {words}": value
            for name, (one, two) in found.items()
            for words, value in (
                ("one at once (s)", round(one, 1)),
                ("two at once (s)", round(two, 1)),
                ("speed-up", round(one / two, 2)),
            )
        }
        for number, found in enumerate(rounds, start=1)
    ]


def _study_seconds(steps: int, *, at_once: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        began = time.monotonic()
        events = list(Sweep(_study(steps), store, at_once=at_once).events())
        seconds = time.monotonic() - began
        store.close()
    explored = [event for event in events if isinstance(event, Explored)]
    assert len(explored) == 2 * SEEDS, "a training failed, so the time says nothing"
    return seconds


def _bare_seconds(steps: int, *, at_once: int) -> float:
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(at_once, spawn, initializer=_alone) as processes,
    ):

        def carry_out(steps: int) -> None:
            jobs = [(trial.config, folder) for trial in _study(steps).trials()]
            list(processes.map(_carry_out, *zip(*jobs, strict=True)))

        carry_out(1)
        began = time.monotonic()
        carry_out(steps)
        return time.monotonic() - began


def _alone() -> None:
    torch.set_num_threads(1)
    keep_freed_memory()


def _carry_out(config: TrainConfig, folder: str) -> None:
    deque(train(config, Attempt(run=config_key(config), home=Path(folder))), maxlen=0)


def _study(steps: int) -> ExploreConfig:
    train = TrainConfig(
        data="phantom-liver:patients=60,slices=4,size=64",
        model="unet-small",
        steps=steps,
        sample_rate=0.2,
        privacy=PrivacyConfig(target_epsilon=8.0, delta=1e-3),
    )
    return ExploreConfig(train=train, epsilons=(8.0, math.inf), seeds=SEEDS)
