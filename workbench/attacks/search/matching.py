"""The gradient that a guessed image would have shared, and how far it is from the observed one."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from workbench.attacks.observation import Observation
from workbench.attacks.search.descent import Candidate
from workbench.models.losses import record_losses

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
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``; ``None`` where every candidate brings
            its own.
        dtype: floating-point type to compute in.

    Attributes:
        norm: L2 norm of the observed gradient.
        signal: the norm that it has without noise, as far as the attacker can tell.
        relative_noise: standard deviation of the noise over ``norm``.
    """

    def __init__(
        self,
        network: nn.Module,
        observation: Observation,
        targets: Tensor | None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.dtype = dtype
        self._network = copy.deepcopy(network)
        state = {**observation.parameters, **observation.buffers}
        self._network.load_state_dict(state, strict=False)
        self._network.to(dtype)
        named = dict(self._network.named_parameters())
        self._parameters = [named[name] for name in observation.gradients]
        self._observed = [gradient.to(dtype) for gradient in observation.gradients.values()]
        self._squared_norm = sum_of_squares(self._observed)
        self._loss = observation.loss
        self._clipping = observation.clipping
        self._targets = None if targets is None else self._prepared(targets)
        self.norm = observation.norm
        self.signal = self.norm if self._clipping is None else min(self._clipping, self.norm)
        self.relative_noise = observation.noise / self.norm if self.norm else 0.0

    @property
    def smooth(self) -> bool:
        """Whether the network has second derivatives worth following."""
        return not any(isinstance(layer, _KINKED) for layer in self._network.modules())

    def shared(self, candidate: Candidate) -> list[Tensor]:
        """What the mechanism would share of this candidate, without its noise."""
        images = candidate.images
        targets = self._targets if candidate.targets is None else self._prepared(candidate.targets)
        assert targets is not None
        if self._clipping is None:
            return self._gradient(images, targets, len(images))
        total: list[Tensor] = []
        for record in range(len(images)):
            one = slice(record, record + 1)
            gradient = self._gradient(images[one], targets[one], 1)
            norm = sum_of_squares(gradient).sqrt().clamp(min=1e-30)
            factor = (self._clipping / norm).clamp(max=1.0) / len(images)
            clipped = [factor * part for part in gradient]
            total = [a + b for a, b in zip(total, clipped, strict=True)] if total else clipped
        return total

    def compare(self, candidate: Candidate) -> Compared:
        """How far the gradient of this candidate is from the observed one."""
        shared = self.shared(candidate)
        pairs = list(zip(shared, self._observed, strict=True))
        inner = torch.stack([(a * b).sum() for a, b in pairs]).sum()
        lengths = (sum_of_squares(shared) * self._squared_norm).sqrt().clamp(min=1e-30)
        return Compared(
            distance=sum_of_squares([a - b for a, b in pairs]) / self._squared_norm,
            misdirection=1 - inner / lengths,
        )

    def _prepared(self, targets: Tensor) -> Tensor:
        return targets.to(self.dtype) if targets.ndim == 4 else targets

    def _gradient(self, images: Tensor, targets: Tensor, records: int) -> list[Tensor]:
        losses = record_losses(self._loss, self._network(images), targets)
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
