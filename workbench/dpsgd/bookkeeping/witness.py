"""A layer with copied weights, computed so that the probe can ask the layer itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from workbench.dpsgd.bookkeeping.expanded import ExpandedTap


class Witnessed(torch.autograd.Function):
    """The operation of an expanded layer, with its input kept for the probe.

    Ordinary backward passes differentiate the very operation that runs where nothing is probed;
    while one unit's true gradient is collected, the layer's own operation takes its place, and
    the copies get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, tap: ExpandedTap, x: Tensor, *copies: Tensor | None) -> Tensor:
        ctx.tap = tap
        ctx.save_for_backward(x, *copies)
        return tap.compute(x, *copies)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        tap: ExpandedTap = ctx.tap
        inputs: tuple[Tensor | None, ...] = ctx.saved_tensors
        truth, x = tap.recorder.truth, inputs[0]
        assert x is not None
        wanted: tuple[bool, ...] = ctx.needs_input_grad[1:]
        with torch.autocast(x.device.type, enabled=False):
            if truth is None:
                return None, *_gradients(tap, inputs, grad, wanted)
            tap.recorder.chunk_of(tap, x.shape[0])
            found = truth.through(tap, tap.own, x, grad, wanted=wanted[0])
        return None, found, *[None] * (len(inputs) - 1)


def _gradients(
    tap: ExpandedTap, inputs: tuple[Tensor | None, ...], grad: Tensor, wanted: tuple[bool, ...]
) -> list[Tensor | None]:
    """Those of input and copies that are wanted, by the operation itself, run again."""
    with torch.enable_grad():
        again = [
            None if part is None else part.detach().requires_grad_(needed)
            for part, needed in zip(inputs, wanted, strict=True)
        ]
        x, *copies = again
        assert x is not None
        output = tap.compute(x, *copies)
    variables = [part for part in again if part is not None and part.requires_grad]
    found = iter(torch.autograd.grad(output, variables, grad))
    return [next(found) if needed else None for needed in wanted]


def must_repeat() -> bool:
    """Whether somebody keeps this forward pass's tensors, and may run it again later.

    A checkpointed layer must then do as it did before, whether or not that chunk is probed.
    """
    return torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
