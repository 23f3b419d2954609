"""Small cases that attacks are tried on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from attack_cases import batch
from torch import nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation, observe
from workbench.dpsgd.randomness import SeededStream
from workbench.models.catalogue import build
from workbench.models.losses import Task


class Seen(NamedTuple):
    truth: np.ndarray
    observation: Observation
    knowledge: Knowledge


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def counted_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks see a clock that goes on by 10 ms whenever it is read: about 20 steps a second.

    So a test asks for an amount of work, and finds the same on a busy machine. The step is a binary
    fraction, so that the same number of readings is the same time to the last bit.
    """
    readings = itertools.count()
    monkeypatch.setattr(
        "workbench.attacks.search.clock.monotonic", lambda: next(readings) * 5 / 512
    )


@pytest.fixture
def seen() -> Callable[..., Seen]:
    """Make a network, share a gradient, and hand over what each side holds."""

    def make(
        model: str = "cnn",
        size: int = 16,
        *,
        records: int = 1,
        noise_multiplier: float | None = None,
        max_grad_norm: float = 1.0,
        task: Task | None = None,
        seed: int = 0,
        network: nn.Module | None = None,
    ) -> Seen:
        task = task or ("segmentation" if model in ("unet", "mlp") else "classification")
        network = network or build(model, size=size, classes=2, task=task, seed=seed)
        images, targets = batch(size, records, task)
        observation = observe(
            network,
            task,
            images,
            targets,
            noise_multiplier=noise_multiplier,
            max_grad_norm=max_grad_norm,
            stream=SeededStream(seed, 1),
        )
        told = targets if task == "segmentation" or records > 1 else None
        knowledge = Knowledge(network=network, size=size, targets=told)
        return Seen(images[:, 0].numpy(), observation, knowledge)

    return make
