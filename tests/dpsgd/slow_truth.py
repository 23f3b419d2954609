"""The slow truth: one ordinary backward pass per unit, clipped by hand."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.engine import BookkeepingEngine
from workbench.dpsgd.bookkeeping.recorder import Strategy
from workbench.dpsgd.randomness import SeededStream

Losses = Callable[[nn.Module, Tensor], Tensor]
"""Which records (int64 ``(k,)``) give which losses ``(k,)``."""


class Truth(NamedTuple):
    """Clipped sum ``(P,)``, norms before clipping ``(U,)``, and the clipping norm: their median."""

    total: Tensor
    norms: Tensor
    max_grad_norm: float


def flat_gradient(model: nn.Module) -> Tensor:
    """All trained parameters' gradients side by side, 0 where there is none."""
    return torch.cat(
        [
            (torch.zeros_like(p) if p.grad is None else p.grad).flatten().clone()
            for p in model.parameters()
            if p.requires_grad
        ]
    )


def truth(model: nn.Module, losses: Losses, units: np.ndarray) -> Truth:
    """By plain autograd, unit by unit, in the order in which the units first appear."""
    model = copy.deepcopy(model)
    gradients = []
    for unit in dict.fromkeys(units.tolist()):
        model.zero_grad()
        losses(model, torch.from_numpy(np.flatnonzero(units == unit))).mean().backward()
        gradients.append(flat_gradient(model))
    each = torch.stack(gradients)
    norms = each.norm(dim=1)
    max_grad_norm = max(float(norms.median()), 1e-3)
    factors = (max_grad_norm / norms).clamp(max=1.0)
    return Truth((factors[:, None] * each).sum(0), norms, max_grad_norm)


def bookkeeper(
    model: nn.Module,
    max_grad_norm: float,
    *,
    noise_multiplier: float = 0.0,
    strategy: Strategy = "auto",
    probe_every: int = 50,
) -> BookkeepingEngine:
    """An engine whose released gradient is the sum itself."""
    return BookkeepingEngine(
        model,
        max_grad_norm=max_grad_norm,
        noise_multiplier=noise_multiplier,
        expected_units=1.0,
        stream=SeededStream(0),
        strategy=strategy,
        probe_every=probe_every,
    )


def check_against_truth(
    model: nn.Module,
    losses: Losses,
    units: np.ndarray,
    *,
    strategy: Strategy = "auto",
    tolerance: float = 1e-10,
) -> BookkeepingEngine:
    """Sum and norms by the books equal plain autograd's, to this relative tolerance."""
    expected = truth(model, losses, units)
    engine = bookkeeper(model, expected.max_grad_norm, strategy=strategy)
    engine.accumulate(losses(engine.model, torch.arange(len(units))), units)
    engine.release()
    apart = (flat_gradient(model) - expected.total).norm()
    assert apart <= tolerance * max(float(expected.total.norm()), expected.max_grad_norm)
    assert torch.allclose(engine.last_norms, expected.norms, rtol=tolerance, atol=1e-12)
    engine.detach()
    return engine
