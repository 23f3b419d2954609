"""The gradient that a guessed image would have shared, and how far it is from the observed one."""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from workbench.attacks.observation import Observation
from workbench.attacks.search.consistency import comparable, flat, nearest_consistent
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.second_order import LossGradient

_KINKED = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.Hardtanh, nn.MaxPool2d,
    nn.AdaptiveMaxPool2d,
)  # fmt: skip


class Compared(NamedTuple):
    """Two distances between gradients, scalars attached to the graph.

    Attributes:
        distance: squared L2 distance over the observed gradient's squared norm; where a defence
            left several gradients possible, from the nearest of them.
        misdirection: one minus the cosine of the angle.
    """

    distance: Tensor
    misdirection: Tensor


class GradientMatcher:
    """Recomputes, differentiably, what a guess would have made the mechanism share.

    Several local steps are gone through one after the other, and all of them are differentiated;
    several rounds are compared as one long gradient.

    Args:
        network: the architecture.
        observation: what was seen; its weights are used.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``; ``None`` where every candidate brings
            its own.
        dtype: floating-point type to compute in. In double precision a step of a search is
            cheaper than in single precision, see ``LossGradient``; several local steps are always
            computed so.

    Attributes:
        dtype: that is computed in.
        norm: L2 norm of the observed gradient, all rounds together.
        signal: the norm that it has without noise, as far as the attacker can tell.
        relative_noise: standard deviation of the noise over ``norm``.
    """

    def __init__(
        self,
        network: nn.Module,
        observation: Observation,
        targets: Tensor | None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.dtype = torch.float64 if observation.local_steps > 1 else dtype
        self._rounds = (observation, *observation.further)
        self._network = _with_state(network, observation, self.dtype)
        self._gradient = LossGradient(
            self._network, observation.gradients, observation.loss,
            exact=self.dtype != torch.float64,
        )  # fmt: skip
        self._weights = [
            flat([seen.parameters[name] for name in seen.gradients], self.dtype)
            for seen in self._rounds
        ]
        self._nearest = [nearest_consistent(seen, self.dtype) for seen in self._rounds]
        self._comparable = [comparable(seen) for seen in self._rounds]
        self._targets = None if targets is None else self._prepared(targets)
        self.norm = math.hypot(*(seen.norm for seen in self._rounds))
        clipping = observation.clipping
        expected = math.inf if clipping is None else clipping * len(self._rounds) ** 0.5
        self.signal = min(expected, self.norm)
        self.relative_noise = observation.noise / self.norm if self.norm else 0.0

    @property
    def smooth(self) -> bool:
        """Whether the network has second derivatives worth following."""
        return not has_kinks(self._network)

    def shared(self, candidate: Candidate) -> list[Tensor]:
        """What the mechanism would share of this candidate, without its noise.

        Returns:
            One tensor for each parameter, of its shape; with several rounds, those of the first
            round, then those of the second, and so on.
        """
        parts: list[Tensor] = []
        for seen, vector in zip(self._rounds, self._shared(candidate), strict=True):
            shapes = [gradient.shape for gradient in seen.gradients.values()]
            pieces = vector.split([shape.numel() for shape in shapes])
            parts += [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]
        return parts

    def compare(self, candidate: Candidate) -> Compared:
        """How far the gradient of this candidate is from the observed one."""
        vectors = [
            scaled(vector)
            for scaled, vector in zip(self._comparable, self._shared(candidate), strict=True)
        ]
        wanted = [near(v.detach()) for near, v in zip(self._nearest, vectors, strict=True)]
        shared, aim = (_joined(vectors), _joined(wanted))
        distance, misdirection = _Distances.apply(shared, aim)
        return Compared(distance / self.norm**2, misdirection)

    def _shared(self, candidate: Candidate) -> list[Tensor]:
        """What each round shares, as vectors ``(P,)``."""
        images = candidate.images.to(self.dtype)
        targets = self._targets if candidate.targets is None else self._prepared(candidate.targets)
        assert targets is not None
        return [
            self._of_sites(seen, images, targets, weights)
            for seen, weights in zip(self._rounds, self._weights, strict=True)
        ]

    def _of_sites(
        self, seen: Observation, images: Tensor, targets: Tensor, weights: Tensor
    ) -> Tensor:
        """The mean over sites; after one local step it is the mean over all records."""
        sites = seen.sites if seen.local_steps > 1 else 1
        updates = [
            self._update(seen, x, y, weights)
            for x, y in zip(images.chunk(sites), targets.chunk(sites), strict=True)
        ]
        return updates[0] if sites == 1 else torch.stack(updates).mean(dim=0)

    def _update(self, seen: Observation, images: Tensor, targets: Tensor, start: Tensor) -> Tensor:
        """Weights before minus weights after, over learning rate and number of steps."""
        weights, steps = start, []
        for _ in range(seen.local_steps):
            steps.append(self._step(seen.clipping, images, targets, weights))
            weights = weights - seen.local_rate * steps[-1]
        return steps[0] if len(steps) == 1 else torch.stack(steps).mean(dim=0)

    def _step(
        self, clipping: float | None, images: Tensor, targets: Tensor, weights: Tensor
    ) -> Tensor:
        """The mean of the records' gradients, each clipped."""
        if clipping is None:
            return self._gradient(images, targets, weights)
        total = torch.zeros_like(weights)
        for record in range(len(images)):
            one = slice(record, record + 1)
            gradient = self._gradient(images[one], targets[one], weights)
            norm = gradient.dot(gradient).sqrt().clamp(min=1e-30)
            total = total + (clipping / norm).clamp(max=1.0) / len(images) * gradient
        return total

    def _prepared(self, targets: Tensor) -> Tensor:
        return targets.to(self.dtype) if targets.ndim == 4 else targets


def has_kinks(network: nn.Module) -> bool:
    """Whether a layer's derivative jumps, so that second derivatives say little."""
    return any(isinstance(layer, _KINKED) for layer in network.modules())


class _Distances(torch.autograd.Function):
    """Squared distance and one minus cosine of two vectors; their derivatives in one pass.

    The vectors are as long as a network has weights, so passes over them count.
    """

    @staticmethod
    def forward(ctx: Any, shared: Tensor, aim: Tensor) -> tuple[Tensor, Tensor]:
        gap = shared - aim
        lengths = shared.norm().clamp(min=1e-30), aim.norm().clamp(min=1e-30)
        cosine = shared.dot(aim) / lengths[0] / lengths[1]
        ctx.save_for_backward(shared, aim, cosine, *lengths)
        return gap.dot(gap), 1 - cosine

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None]:
        shared, aim, cosine, length, wanted = ctx.saved_tensors
        of_distance, of_misdirection = along
        of_shared = 2 * of_distance + of_misdirection * cosine / length**2
        of_aim = 2 * of_distance + of_misdirection / (length * wanted)
        return (shared * of_shared).add_(aim, alpha=-float(of_aim)), None


def _joined(vectors: list[Tensor]) -> Tensor:
    return vectors[0] if len(vectors) == 1 else torch.cat(vectors)


def _with_state(network: nn.Module, observation: Observation, dtype: torch.dtype) -> nn.Module:
    """A copy with the observation's weights and buffers."""
    copied = copy.deepcopy(network)
    copied.load_state_dict({**observation.parameters, **observation.buffers}, strict=False)
    return copied.to(dtype)


def total_variation(images: Tensor) -> Tensor:
    """Isotropic total variation of ``(B, 1, H, W)``, averaged over pixels (Rudin et al. 1992)."""
    down = images[..., 1:, :-1] - images[..., :-1, :-1]
    right = images[..., :-1, 1:] - images[..., :-1, :-1]
    # The small constant keeps the square root smooth where the image is flat.
    return (down * down + right * right + 1e-8).sqrt().mean()
