"""The networks that engines are compared on, and one step of each in every way there is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from monai.networks.nets import BasicUNet, UNet
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import PlainEngine
from workbench.dpsgd.randomness import RandomStream, SecureStream, SeededStream
from workbench.models.catalogue import build
from workbench.models.losses import Task

Step = Callable[[], None]
MAX_GRAD_NORM, LEARNING_RATE = 1.0, 0.01


@dataclass(frozen=True)
class Case:
    """A network and what it is fed: ``shape`` is that of one batch."""

    name: str
    shape: tuple[int, ...]
    make: Callable[[], nn.Module]

    def records(self) -> tuple[Tensor, Tensor]:
        images = torch.rand(self.shape)
        whole = self.make().eval()(images[:1]).ndim == 2
        return images, torch.arange(len(images)) % 2 if whole else (images > 0.5).float()


def _catalogue(name: str, size: int, task: Task) -> Callable[[], nn.Module]:
    return lambda: build(name, size=size, classes=2, task=task, seed=0)


def _residual_unet(dimensions: int) -> UNet:
    return UNet(
        spatial_dims=dimensions, in_channels=1, out_channels=1, channels=(16, 32, 64, 128),
        strides=(2, 2, 2), num_res_units=2, norm=("INSTANCE", {"affine": True}),
    )  # fmt: skip


def _plain_unet() -> BasicUNet:
    return BasicUNet(
        spatial_dims=2, in_channels=1, out_channels=1, features=(16, 16, 32, 64, 128, 16),
        act="RELU", norm=("GROUP", {"num_groups": 4}), upsample="nontrainable",
    )  # fmt: skip


def _cnn() -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in pairwise((1, 16, 32, 64, 128)):
        first = before == 1
        layers += [
            nn.Conv2d(before, after, 3, stride=2 if first else 1, padding=1),
            nn.GroupNorm(4, after),
            nn.ReLU(),
            nn.Identity() if first else nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 2))


CASES = (
    Case("unet (catalogue)", (16, 1, 128, 128), _catalogue("unet", 128, "segmentation")),
    Case("U-Net, residual units (MONAI)", (16, 1, 128, 128), lambda: _residual_unet(2)),
    Case("U-Net, plain (MONAI BasicUNet)", (16, 1, 128, 128), _plain_unet),
    Case("U-Net, 3D (MONAI)", (4, 1, 32, 32, 32), lambda: _residual_unet(3)),
    Case("CNN, 99k weights", (64, 1, 64, 64), _cnn),
    Case("cnn (catalogue)", (64, 1, 64, 64), _catalogue("cnn", 64, "classification")),
    Case("resnet9 (catalogue)", (32, 1, 64, 64), _catalogue("resnet9", 64, "classification")),
    Case("resnet18 (catalogue)", (32, 1, 64, 64), _catalogue("resnet18", 64, "classification")),
)  # fmt: skip

WAYS: dict[str, tuple[str, float, type[RandomStream]]] = {
    "bookkeeping, secure noise": ("bookkeeping", 1.0, SecureStream),
    "bookkeeping, seeded noise": ("bookkeeping", 1.0, SeededStream),
    "bookkeeping, no noise": ("bookkeeping", 0.0, SeededStream),
    "bookkeeping, secure noise, bfloat16": ("bookkeeping", 1.0, SecureStream),
    "opacus": ("opacus", 1.0, SeededStream),
    "opacus-functorch": ("opacus-functorch", 1.0, SeededStream),
    "opacus-ew": ("opacus-ew", 1.0, SeededStream),
    "opacus-ghost": ("opacus-ghost", 1.0, SeededStream),
}
"""Engine, noise multiplier and stream of every private way to take a step."""
LOWERED = ", bfloat16"
"""How the name of a way ends whose forward pass runs under autocast."""


def losses_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """One loss per record."""
    if outputs.ndim == 2:
        return nn.functional.cross_entropy(outputs, targets, reduction="none")
    entropy = nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return entropy.flatten(1).mean(1)


def step_of(case: Case, way: str) -> Step:
    """A whole step: forward, backward, clip, noise, SGD.

    Args:
        case: the network.
        way: a key of :data:`WAYS`, ``"ordinary"``, ``"ordinary, bfloat16"`` or ``"vmap(grad)"``.
    """
    model, (images, targets) = case.make(), case.records()
    if way == "vmap(grad)":
        return _vmapped(model, images, targets)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    if way.removesuffix(LOWERED) == "ordinary":
        engine = PlainEngine(model)
    else:
        name, noise, stream = WAYS[way]
        engine = make_engine(
            name, model, max_grad_norm=MAX_GRAD_NORM, noise_multiplier=noise,
            expected_units=len(images), stream=stream(),
        )  # fmt: skip
    units = np.arange(len(images))

    lowered = torch.autocast("cpu", torch.bfloat16) if way.endswith(LOWERED) else nullcontext()

    def step() -> None:
        optimizer.zero_grad()
        with lowered:
            losses = losses_of(engine.model(images), targets)
        engine.accumulate(losses, units)
        engine.release()
        optimizer.step()

    return step


def _vmapped(model: nn.Module, images: Tensor, targets: Tensor) -> Step:
    """What a person would write with torch.func: all gradients at once, then clip and sum."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(weights: dict[str, Tensor], image: Tensor, target: Tensor) -> Tensor:
        outputs = functional_call(model, weights, (image.unsqueeze(0),))
        return losses_of(outputs, target.unsqueeze(0)).sum()

    each = vmap(grad(loss), in_dims=(None, 0, 0))

    def step() -> None:
        gradients = each(parameters, images, targets)
        squares = sum(g.flatten(1).square().sum(1) for g in gradients.values())
        factors = (MAX_GRAD_NORM / squares.sqrt()).clamp(max=1.0)
        for name, g in gradients.items():
            total = torch.tensordot(factors, g, 1)
            total += torch.randn_like(total) * MAX_GRAD_NORM
            parameters[name].sub_(total, alpha=LEARNING_RATE / len(images))

    return step
