"""What the attacker holds: one gradient as it left the patients' side, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attacks.defence import Defence
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine, PlainEngine
from workbench.dpsgd.randomness import RandomStream
from workbench.models.losses import Loss, Task, record_losses


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What was shared, and the public facts about how it was made.

    Attributes:
        gradients: by parameter name, float32, each of its parameter's shape. After several local
            steps: weights before minus weights after, over learning rate and number of steps, so
            that one step gives its gradient.
        parameters: the weights at the beginning, by name.
        buffers: of the network, by name.
        batch_size: B, the records behind the gradient, of all sites together, and the number it
            was divided by.
        loss: which of the losses of ``models.losses`` was used, or the person's own.
        local_steps: gradient steps behind the update; each uses all records of the site.
        local_rate: learning rate of those steps.
        sites: how many sites' gradients were added before anybody saw their sum.
        clipping: C, the L2 norm that each record's gradient was clipped to; ``None`` if it was not
            or the attacker is not told.
        noise: standard deviation of the noise in every coordinate of ``gradients``, >= 0; 0 where
            the attacker is not told.
        defence: what was done to the gradient before it was shared, beside clipping and noise.
        further: what was seen of the same records in other rounds.
    """

    gradients: Mapping[str, Tensor]
    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    batch_size: int
    loss: Task | Loss
    local_steps: int = 1
    local_rate: float = 0.1
    sites: int = 1
    clipping: float | None = None
    noise: float = 0.0
    defence: Defence | None = None
    further: tuple[Observation, ...] = ()

    @property
    def norm(self) -> float:
        """L2 norm of the whole gradient."""
        return float(sum((g.double() ** 2).sum() for g in self.gradients.values()) ** 0.5)


def observe(
    model: nn.Module,
    task: Task | Loss,
    images: Tensor,
    targets: Tensor,
    *,
    noise_multiplier: float | None,
    max_grad_norm: float,
    stream: RandomStream,
) -> Observation:
    """Share a gradient exactly as a training step does.

    Args:
        model: the network, fit for per-record gradients.
        task: which loss.
        images: float32 ``(B, 1, H, W)``.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        noise_multiplier: as in ``AttackConfig``; ``None`` neither clips nor adds noise.
        max_grad_norm: C.
        stream: where the noise comes from.
    """
    engine = _engine(model, len(images), noise_multiplier, max_grad_norm, stream)
    try:
        model.zero_grad()
        losses = record_losses(task, engine.model(images), targets)
        engine.accumulate(losses, np.arange(len(images)))
        engine.release()
        return _observation(model, task, len(images), noise_multiplier, max_grad_norm)
    finally:
        engine.detach()
        model.zero_grad()


def observe_nobody(observed: Observation, *, stream: RandomStream) -> Observation:
    """The same kind of gradient without any record in it: noise alone.

    Where noise was added to the observed gradient, this is the same noise. Where none was, it is
    noise of the observed gradient's norm, so that an attacker cannot tell by the size.
    """
    size = sum(gradient.numel() for gradient in observed.gradients.values())
    std = observed.noise or observed.norm / size**0.5
    noise = {
        name: torch.from_numpy(stream.normal(gradient.numel()) * std).to(gradient).view_as(gradient)
        for name, gradient in observed.gradients.items()
    }
    return replace(observed, gradients=noise)


def _engine(
    model: nn.Module,
    records: int,
    noise_multiplier: float | None,
    max_grad_norm: float,
    stream: RandomStream,
) -> GradientEngine:
    if noise_multiplier is None:
        return PlainEngine(model)
    return make_engine(
        "bookkeeping",
        model,
        max_grad_norm=max_grad_norm,
        noise_multiplier=noise_multiplier,
        expected_units=records,
        stream=stream,
    )


def _observation(
    model: nn.Module,
    task: Task | Loss,
    records: int,
    noise_multiplier: float | None,
    max_grad_norm: float,
) -> Observation:
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return Observation(
        gradients={name: _gradient(parameter) for name, parameter in named.items()},
        parameters={name: p.detach().clone() for name, p in model.named_parameters()},
        buffers={name: buffer.clone() for name, buffer in model.named_buffers()},
        batch_size=records,
        loss=task,
        clipping=None if noise_multiplier is None else max_grad_norm,
        noise=(noise_multiplier or 0.0) * max_grad_norm / records,
    )


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        return torch.zeros_like(parameter)
    return parameter.grad.detach().clone()
