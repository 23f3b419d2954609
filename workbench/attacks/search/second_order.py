"""A network's loss gradient as one vector that can be differentiated once more, cheaply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.models.losses import Loss, Task, record_losses

_STEP = 1e-8
"""Of the finite difference, relative to the weights' norm. In double precision it leaves an error
of about 1e-6, measured on a U-Net with ELU, whose second derivative jumps at 0."""


class LossGradient:
    """The gradient of the mean loss in the weights, all of them in one vector of length P.

    Its derivative along a vector v is that of the loss' gradient when the weights move along v
    (Pearlmutter 1994), taken as a finite difference. This costs one more ordinary backward pass
    and no graph of a graph; in double precision the error is far below what a search notices.

    Args:
        network: taken over; its weights are moved about.
        names: of the parameters whose gradient is taken, in order.
        loss: as in ``record_losses``.
        exact: differentiate twice instead, as is necessary in single precision.
    """

    def __init__(
        self, network: nn.Module, names: Iterable[str], loss: Task | Loss, *, exact: bool
    ) -> None:
        self._network = network
        named = dict(self._network.named_parameters())
        self._parameters = [named[name] for name in names]
        self._flat = _in_one_piece(self._parameters)
        self._loss, self._exact = loss, exact

    def __call__(self, images: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """The gradient ``(P,)`` at the weights ``(P,)``.

        Args:
            images: ``(B, 1, H, W)``; the result can be differentiated in them.
            targets: masks ``(B, 1, H, W)`` or labels ``(B,)``; likewise where they are real.
            weights: ``(P,)``; likewise unless ``exact``.
        """
        if self._exact:
            self.move_to(weights)
            found = self.gradients(images, targets, self._parameters, create_graph=True)
            return torch.cat([gradient.flatten() for gradient in found])
        gradient: Tensor = _Difference.apply(images, targets, weights, self)
        return gradient

    @torch.no_grad()
    def move_to(self, weights: Tensor, direction: Tensor | None = None, step: float = 0.0) -> None:
        """Set the network's weights, ``(P,)``, to this point, or a step away from it."""
        if direction is None:
            self._flat.copy_(weights)
        else:
            torch.add(weights, direction, alpha=step, out=self._flat)

    def gradients(
        self, images: Tensor, targets: Tensor, inputs: Sequence[Tensor], *, create_graph: bool
    ) -> tuple[Tensor, ...]:
        """Of the mean loss in these inputs, at the weights that the network has."""
        losses = record_losses(self._loss, self._network(images), targets)
        return torch.autograd.grad(
            losses.mean(), inputs, create_graph=create_graph, materialize_grads=True
        )

    def of_all(
        self, images: Tensor, targets: Tensor, needed: Sequence[bool]
    ) -> list[Tensor | None]:
        """Gradients in images, targets and weights ``(P,)``; ``None`` for those not needed."""
        leaves = [
            value.detach().requires_grad_() if wanted else value.detach()
            for value, wanted in zip((images, targets), needed, strict=False)
        ]
        inputs = [leaf for leaf in leaves if leaf.requires_grad]
        parameters = self._parameters if needed[2] else []
        with torch.enable_grad():
            found = iter(
                self.gradients(leaves[0], leaves[1], [*inputs, *parameters], create_graph=False)
            )
        of_leaves = [next(found) if leaf.requires_grad else None for leaf in leaves]
        of_weights = torch.cat([part.flatten() for part in found]) if parameters else None
        return [*of_leaves, of_weights]


class _Difference(torch.autograd.Function):
    """The loss gradient, its derivative a finite difference along the weights."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, targets: Tensor, weights: Tensor, gradient: LossGradient
    ) -> Tensor:
        gradient.move_to(weights)
        of_images, of_targets, of_weights = gradient.of_all(
            images, targets, [*ctx.needs_input_grad[:2], True]
        )
        assert of_weights is not None
        ctx.gradient = gradient
        kept = of_weights if ctx.needs_input_grad[2] else None
        ctx.save_for_backward(images, targets, weights, of_images, of_targets, kept)
        return of_weights if kept is None else of_weights.clone()

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor | None, ...]:
        images, targets, weights, *here = ctx.saved_tensors
        length = float(along[0].norm())
        if length == 0:
            return *(None if one is None else torch.zeros_like(one) for one in here), None
        step = _STEP * float(weights.norm()) / length
        ctx.gradient.move_to(weights, along[0], step)
        there = ctx.gradient.of_all(images, targets, ctx.needs_input_grad[:3])
        return *(
            None if a is None or b is None else (b - a) / step
            for a, b in zip(here, there, strict=True)
        ), None


def _in_one_piece(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Move the parameters into one vector, of which they are views from then on."""
    flat = torch.cat([parameter.detach().flatten() for parameter in parameters])
    pieces = flat.split([parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.data = piece.view_as(parameter)
    return flat
