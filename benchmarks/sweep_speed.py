"""How much sooner two trainings at once finish a study than one after the other."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path

from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.sweep import Sweep
from workbench.runs.jobs import close
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

STEPS = 60
SEEDS = 4
ROUNDS = 2


def measure(steps: str = str(STEPS)) -> list[dict[str, object]]:
    """The same study with one and with two trainings at once, alternating, on warm workers.

    Args:
        steps: of each training; fewer of them give more weight to what is around a training.
    """
    try:
        _seconds(1, at_once=2)  # starts the workers and lets both import everything
        pairs = [[_seconds(int(steps), at_once=n) for n in (1, 2)] for _ in range(ROUNDS)]
    finally:
        close()
    return [
        {
            "round": number,
            "trainings": 2 * SEEDS,
            "one at once (s)": round(one, 1),
            "two at once (s)": round(two, 1),
            "speed-up": round(one / two, 2),
        }
        for number, (one, two) in enumerate(pairs, start=1)
    ]


def _seconds(steps: int, *, at_once: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        began = time.monotonic()
        events = list(Sweep(_study(steps), store, at_once=at_once).events())
        seconds = time.monotonic() - began
        store.close()
    explored = [event for event in events if isinstance(event, Explored)]
    assert len(explored) == 2 * SEEDS, "a training failed, so the time says nothing"
    return seconds


def _study(steps: int) -> ExploreConfig:
    train = TrainConfig(
        data="phantom-liver:patients=60,slices=4,size=64",
        model="unet-small",
        steps=steps,
        sample_rate=0.2,
        privacy=PrivacyConfig(target_epsilon=8.0, delta=1e-3),
    )
    return ExploreConfig(train=train, epsilons=(8.0, math.inf), seeds=SEEDS)
