"""What one site computes on its own slices, by the engines that train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine, PlainEngine
from workbench.dpsgd.randomness import RandomStream
from workbench.models.losses import Loss, Task, record_losses


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a site makes its update.

    Attributes:
        task: which loss.
        noise_multiplier: of every local step; ``None`` neither clips nor adds noise.
        max_grad_norm: C, of every record in every local step.
        local_steps: gradient steps, each on all of the site's slices.
        local_rate: their learning rate.
    """

    task: Task | Loss
    noise_multiplier: float | None
    max_grad_norm: float
    local_steps: int = 1
    local_rate: float = 0.1


def local_update(
    model: nn.Module, images: Tensor, targets: Tensor, recipe: Recipe, stream: RandomStream
) -> dict[str, Tensor]:
    """The update of one site (FedAvg, McMahan et al. 2017), as a gradient.

    Args:
        model: the network, fit for per-record gradients, at the weights that the server sent; it
            is left as it was.
        images: ``(B, 1, H, W)``.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        recipe: how.
        stream: where the noise comes from.

    Returns:
        By name of parameter: the gradient, after one step; after several, weights before minus
        weights after over learning rate and number of steps. In float32 that difference carries
        the rounding of the weights, and so does what a site sends.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    engine = _engine(model, len(images), recipe, stream)
    try:
        with weights_kept(model):
            before = {name: p.detach().clone() for name, p in named.items()}
            for _ in range(recipe.local_steps - 1):
                _step(model, _gradient(engine, named, images, targets, recipe), recipe.local_rate)
            last = _gradient(engine, named, images, targets, recipe)
            if recipe.local_steps == 1:
                return last
            _step(model, last, recipe.local_rate)
            length = recipe.local_rate * recipe.local_steps
            return {name: (before[name] - p.detach()) / length for name, p in named.items()}
    finally:
        engine.detach()


@contextmanager
def weights_kept(model: nn.Module) -> Iterator[None]:
    """Give the network back with the weights and without the gradients of before."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        model.zero_grad()
        yield
    finally:
        model.load_state_dict(before)
        model.zero_grad()


@torch.no_grad()
def _step(model: nn.Module, gradients: Mapping[str, Tensor], rate: float) -> None:
    for name, parameter in model.named_parameters():
        if name in gradients:
            parameter.sub_(gradients[name], alpha=rate)


def _gradient(
    engine: GradientEngine,
    named: Mapping[str, nn.Parameter],
    images: Tensor,
    targets: Tensor,
    recipe: Recipe,
) -> dict[str, Tensor]:
    for parameter in named.values():
        parameter.grad = None
    losses = record_losses(recipe.task, engine.model(images), targets)
    engine.accumulate(losses, np.arange(len(images)))
    engine.release()
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
        for name, p in named.items()
    }


def _engine(model: nn.Module, records: int, recipe: Recipe, stream: RandomStream) -> GradientEngine:
    if recipe.noise_multiplier is None:
        return PlainEngine(model)
    return make_engine(
        "bookkeeping",
        model,
        max_grad_norm=recipe.max_grad_norm,
        noise_multiplier=recipe.noise_multiplier,
        expected_units=records,
        stream=stream,
    )
