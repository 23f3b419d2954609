"""One attack in processor seconds, and where the real slices are."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.attacks.config import AttackConfig
from workbench.attacks.run import attack
from workbench.attacks.search.clock import processor_seconds
from workbench.imaging.load import load
from workbench.runs.configs import config_to_json
from workbench.runs.events import Finished
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.runs.work import outcome
from workbench.training.config import TrainConfig

LIVER = Path(__file__).resolve().parents[3] / "shared" / "data" / "liver-ct-slices/liver-ct-128.npz"
SEEDS = (0, 1, 2)


class NoRealSlices(Exception):
    """The folder with real CT slices does not lie beside this checkout."""


def warm_up() -> None:
    """Take the two seconds that a process' first torch optimizer needs before anything counts."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).zero_grad()


def liver() -> str:
    """The path of the liver slices.

    Raises:
        NoRealSlices: they are not there.
    """
    if not LIVER.is_file():
        raise NoRealSlices("there is no ../shared/data/liver-ct-slices beside this checkout")
    return str(LIVER)


def slices_of_patients(count: int, size: int = 64, data: str | None = None) -> list[int]:
    """Numbers of slices of this many patients, evenly over the set (liver CT), one of each."""
    patients = load(data or liver(), size=size).patients
    firsts = np.unique(patients, return_index=True)[1]
    return [int(i) for i in firsts[np.linspace(0, len(firsts) - 1, count).astype(int)]]


def result_of(config: AttackConfig, home: Path | None = None) -> dict[str, Any]:
    """Scores of one attack; its seconds are this process' processor seconds."""
    with processor_seconds():
        *_, last = attack(config, home=home)
    assert isinstance(last, Finished)
    return dict(last.result)


def over_seeds(config: AttackConfig, seeds: Sequence[int] = SEEDS) -> list[dict[str, Any]]:
    """The same attack with other weights, noise and starting images."""
    return [result_of(replace(config, seed=seed)) for seed in seeds]


def median(results: Sequence[dict[str, Any]], name: str) -> float:
    return float(statistics.median(float(one[name]) for one in results))


def worst(results: Sequence[dict[str, Any]], name: str) -> float:
    return min(float(one[name]) for one in results)


@contextmanager
def trained_network(steps: int, model: str, data: str) -> Iterator[tuple[str, Path]]:
    """A network trained on these slices without privacy: its run, and the workspace."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("WORKBENCH_HOME")
        os.environ["WORKBENCH_HOME"] = folder
        try:
            yield _train(TrainConfig(data=data, model=model, image_size=64, steps=steps))
        finally:
            if before is None:
                del os.environ["WORKBENCH_HOME"]
            else:
                os.environ["WORKBENCH_HOME"] = before


def _train(config: TrainConfig) -> tuple[str, Path]:
    store, values = Store(), config_to_json(config)
    run = store.open("train", values)
    *_, last = drive("workbench.training.loop:work", values, run=run, store=store)
    outcome(last)
    return run, store.root
