"""A case for every attack of the catalogue, and what the attacker is handed of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from attack_cases import picture
from torch import Tensor, nn

from workbench.attacks.catalogue import METHODS, named
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation, observe
from workbench.dpsgd.randomness import SeededStream
from workbench.models.catalogue import build
from workbench.models.losses import Task

SIZE = 16
HIDDEN, PUBLIC = 700, 800
"""First seeds of the pictures: no other test draws these, so a copy of one is known as such."""


def catalogued(model: str, **changes: Any) -> Callable[[Task], nn.Module]:
    return lambda task: build(model, size=SIZE, classes=2, task=task, seed=0, **changes)


def two_layers(activation: Callable[[], nn.Module]) -> Callable[[Task], nn.Module]:
    """For masks: what every network with convolutions shows, at less cost."""

    def make(task: Task) -> nn.Module:
        assert task == "segmentation"
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), activation(),
            nn.Conv2d(8, 1, 3, padding=1),
        )  # fmt: skip

    return make


@dataclass(frozen=True, kw_only=True)
class Suited:
    """A case that an attack is made for: the network, and what the attacker is told."""

    task: Task = "classification"
    network: Callable[[Task], nn.Module]
    told: bool = False
    public: bool = False
    records: int = 1
    noise_multiplier: float | None = None


LABELS = Suited(network=catalogued("cnn"))
MASKS = Suited(task="segmentation", network=two_layers(nn.ELU), told=True)

CASES: dict[str, dict[str, Suited]] = {
    "two-stage": {
        "label inferred": LABELS,
        "mask known": MASKS,
        "mask unknown": replace(MASKS, told=False),
        "kinks": replace(MASKS, network=two_layers(nn.ReLU)),
        "public slices": replace(MASKS, public=True),
        "noise": replace(MASKS, noise_multiplier=0.1),
    },
    "analytic": {
        "label inferred": replace(LABELS, network=catalogued("mlp")),
        "mask unknown": Suited(task="segmentation", network=catalogued("mlp")),
    },
    "recursive": {
        "no normalisation": replace(LABELS, network=catalogued("cnn", normalisation="none")),
    },
    "imprint": {
        "labels unknown": replace(LABELS, records=3),
        "masks unknown": replace(MASKS, told=False, records=3),
    },
    "learned-prior": {
        "label inferred": replace(LABELS, public=True),
        "mask known": replace(MASKS, public=True, noise_multiplier=0.1),
    },
    "noisy": {
        "label inferred": replace(LABELS, noise_multiplier=0.1),
        "mask known": replace(MASKS, noise_multiplier=0.1),
    },
    "exact": {"label inferred": LABELS, "mask known": MASKS},
    "inverting-gradients": {"label inferred": LABELS, "masks known": replace(MASKS, records=2)},
    "dlg": {"label unknown": LABELS, "mask unknown": replace(MASKS, told=False)},
    "idlg": {"label inferred": LABELS},
    "lbfgs": {"label inferred": LABELS, "masks known": replace(MASKS, records=2)},
}


class Posed(NamedTuple):
    """What the attacker holds."""

    observation: Observation
    knowledge: Knowledge


def drawn(count: int, first: int) -> Tensor:
    return torch.from_numpy(np.stack([picture(SIZE, first + n) for n in range(count)]))[:, None]


def targets_of(images: Tensor, task: Task) -> Tensor:
    return (images > 0.6).long() if task == "segmentation" else torch.arange(len(images)) % 2


def pose(attack: str, suited: Suited) -> tuple[Posed, list[Tensor]]:
    """The question, and the tensors that the attacker must do without."""
    images, others = drawn(suited.records, HIDDEN), drawn(12, PUBLIC)
    targets, network = targets_of(images, suited.task), suited.network(suited.task)
    implant = METHODS[attack].implant
    if implant is not None:
        network = named(implant)(network, others, size=SIZE, batch=suited.records, seed=0)
    observation = observe(
        network, suited.task, images, targets, noise_multiplier=suited.noise_multiplier,
        max_grad_norm=1.0, stream=SeededStream(0, 1),
    )  # fmt: skip
    knowledge = Knowledge(
        network=network,
        size=SIZE,
        targets=targets if suited.told else None,
        public=others if suited.public else None,
        public_targets=targets_of(others, suited.task) if suited.public else None,
    )
    return Posed(observation, knowledge), [images] if suited.told else [images, targets]
