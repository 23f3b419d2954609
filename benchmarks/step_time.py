"""A private step against an ordinary one: same network, same slices, interleaved, process time."""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from workbench.dpsgd.gradients import GradientEngine, OpacusEngine, PlainEngine
from workbench.dpsgd.randomness import SecureStream
from workbench.models.catalogue import build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task, record_losses

CASES: tuple[tuple[str, Task, int, int], ...] = (
    ("unet", "segmentation", 128, 16),
    ("cnn", "classification", 64, 64),
    ("resnet9", "classification", 64, 32),
)
ROUNDS = 5


def measure() -> list[dict[str, object]]:
    """One row per network: milliseconds of an ordinary step and the ratio of the private one."""
    return [_case(*case) for case in CASES]


def _case(name: str, task: Task, size: int, batch: int) -> dict[str, object]:
    images = torch.rand(batch, 1, size, size)
    targets = (images > 0.5).long() if task == "segmentation" else torch.arange(batch) % 2
    engines: dict[str, GradientEngine] = {
        "plain": PlainEngine(_network(name, size, task)),
        "private": OpacusEngine(
            _network(name, size, task),
            max_grad_norm=1.0,
            noise_multiplier=1.0,
            expected_units=batch,
            stream=SecureStream(),
        ),
    }
    seconds: dict[str, list[float]] = {key: [] for key in engines}
    for round_number in range(ROUNDS + 1):
        for key, engine in engines.items():
            began = time.process_time()
            losses = record_losses(task, engine.model(images), targets)
            engine.accumulate(losses, np.arange(batch))
            engine.release()
            engine.model.zero_grad()
            if round_number:  # the first round warms up
                seconds[key].append(time.process_time() - began)
    plain, private = (statistics.median(seconds[key]) for key in ("plain", "private"))
    return {
        "network": name,
        "slices": f"{batch} of {size} x {size}",
        "ordinary step (ms)": round(1000 * plain, 1),
        "private / ordinary": round(private / plain, 2),
    }


def _network(name: str, size: int, task: Task) -> torch.nn.Module:
    return make_fit(build(name, size=size, classes=2, task=task, seed=0))[0]
