"""The gradient that a guessed image would have shared, and how far it is from the observed one."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from workbench.attacks.observation import Observation
from workbench.models.losses import record_losses

# Opacus adds it to a norm before it divides by it; the attacker does the same.
_OPACUS_EPS = 1e-6
_KINKED = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.Hardtanh, nn.MaxPool2d,
    nn.AdaptiveMaxPool2d,
)  # fmt: skip


class Compared(NamedTuple):
    """Two distances between gradients, scalars attached to the graph.

    Attributes:
        distance: squared L2 distance over the observed gradient's squared norm.
        misdirection: one minus the cosine of the angle.
    """

    distance: Tensor
    misdirection: Tensor


class GradientMatcher:
    """Recomputes, differentiably, what a guess would have made the mechanism share.

    Args:
        network: the architecture.
        observation: what was seen; its weights are used.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        dtype: floating-point type to compute in.
    """

    def __init__(
        self,
        network: nn.Module,
        observation: Observation,
        targets: Tensor,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._network = copy.deepcopy(network)
        state = {**observation.parameters, **observation.buffers}
        self._network.load_state_dict(state, strict=False)
        self._network.to(dtype)
        named = dict(self._network.named_parameters())
        self._parameters = [named[name] for name in observation.gradients]
        self._observed = [gradient.to(dtype) for gradient in observation.gradients.values()]
        self._squared_norm = sum_of_squares(self._observed)
        self._task = observation.loss
        self._clipping = observation.clipping
        self._targets = targets.to(dtype) if targets.ndim == 4 else targets
        self.dtype = dtype

    @property
    def smooth(self) -> bool:
        """Whether the network has second derivatives worth following."""
        return not any(isinstance(layer, _KINKED) for layer in self._network.modules())

    def shared(self, images: Tensor) -> list[Tensor]:
        """What the mechanism would share of these images ``(B, 1, H, W)``, without its noise."""
        if self._clipping is None:
            return self._gradient(images, self._targets, len(images))
        total: list[Tensor] = []
        for record in range(len(images)):
            one = slice(record, record + 1)
            gradient = self._gradient(images[one], self._targets[one], 1)
            norm = sum_of_squares(gradient).sqrt()
            factor = (self._clipping / (norm + _OPACUS_EPS)).clamp(max=1.0) / len(images)
            clipped = [factor * part for part in gradient]
            total = [a + b for a, b in zip(total, clipped, strict=True)] if total else clipped
        return total

    def compare(self, images: Tensor) -> Compared:
        """How far the gradient of these images ``(B, 1, H, W)`` is from the observed one."""
        shared = self.shared(images)
        pairs = list(zip(shared, self._observed, strict=True))
        inner = torch.stack([(a * b).sum() for a, b in pairs]).sum()
        lengths = (sum_of_squares(shared) * self._squared_norm).sqrt().clamp(min=1e-30)
        return Compared(
            distance=sum_of_squares([a - b for a, b in pairs]) / self._squared_norm,
            misdirection=1 - inner / lengths,
        )

    def _gradient(self, images: Tensor, targets: Tensor, records: int) -> list[Tensor]:
        losses = record_losses(self._task, self._network(images), targets)
        return list(
            torch.autograd.grad(
                losses.sum() / records, self._parameters, create_graph=True,
                materialize_grads=True,
            )
        )  # fmt: skip


def sum_of_squares(tensors: list[Tensor]) -> Tensor:
    """The squared L2 norm of all tensors taken together; scalar."""
    return torch.stack([(tensor * tensor).sum() for tensor in tensors]).sum()


def total_variation(images: Tensor) -> Tensor:
    """Isotropic total variation of ``(B, 1, H, W)``, averaged over pixels (Rudin et al. 1992)."""
    down = images[..., 1:, :-1] - images[..., :-1, :-1]
    right = images[..., :-1, 1:] - images[..., :-1, :-1]
    # The small constant keeps the square root smooth where the image is flat.
    return (down * down + right * right + 1e-8).sqrt().mean()
