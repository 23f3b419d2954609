"""How soon a background job answers: first event on a warm worker, and stopping."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from workbench.runs.configs import config_to_json
from workbench.runs.events import Event
from workbench.runs.job import Job
from workbench.runs.jobs import close, start
from workbench.runs.store import Store
from workbench.training.config import TrainConfig
from workbench.training.events import Step

ROUNDS = 3


def measure() -> list[dict[str, object]]:
    """One row per round of the same small training; the first finds cold workers."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "squares.npz"
        masks = np.zeros((40, 64, 64), dtype=np.uint8)
        masks[:, 20:40, 20:40] = 1
        np.savez(data, images=masks * 200, masks=masks, patient=np.arange(40) // 4)
        try:
            return [_round(number, str(data), Store(Path(folder))) for number in range(ROUNDS)]
        finally:
            close()


def _round(number: int, data: str, store: Store) -> dict[str, object]:
    config = config_to_json(TrainConfig(data=data, steps=10_000))
    began = time.monotonic()
    job = start("workbench.training.loop:work", config, kind="train", store=store)
    first = _wait_for_step(job) - began
    asked = time.monotonic()
    job.cancel()
    while job.status not in ("cancelled", "failed", "finished"):
        time.sleep(0.005)
    return {
        "worker": "warm" if number else "cold",
        "first step seen (s)": round(first, 2),
        "stopped after (s)": round(time.monotonic() - asked, 2),
    }


def _wait_for_step(job: Job) -> float:
    seen = threading.Event()

    def look(event: Event) -> None:
        if isinstance(event, Step):
            seen.set()

    job.subscribe(look)
    seen.wait(60)
    return time.monotonic()
