"""Features read off the space that a layer's gradient spans, whatever the loss and the masks.

The gradient of a convolution's weights is a sum over the places p that it looks at, of the loss'
slope there times the patch that it saw there::

    G = sum_p  d_p a_p^T,      d_p of as many numbers as there are outputs,
                               a_p of as many as inputs times places of the kernel.

Where there are no more places than outputs, the slopes are as a rule linearly independent, and then
the rows of G span exactly what the patches span: often a few dozen dimensions out of hundreds. A
patch of a wrong image lies partly outside. How far says nothing about the sizes of the slopes, so
a trained network, whose slopes far from the organ are small by many orders of magnitude, tells as
much there as at the organ; and neither the masks, nor the loss, nor a clipping factor has to be
known. A U-Net's deepest convolutions are such layers, and the network need only be computed that
far: a step costs a fraction of a gradient, and is far better conditioned.

For linear layers on batches this is SPEAR (Dimitrov et al. 2024), for the tokens of transformers
DAGER (Petrov et al. 2024).
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.attacks.methods.sketches import sketches
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess, Measured, lbfgs
from workbench.attacks.search.matching import GradientMatcher

DRAWINGS = 64
"""Whose mean the search begins at where there are no public slices. From even grey it ends in
features of the opposite sign."""

WORTHWHILE = 1e-3
"""Share of the objective that a dozen steps must take from it."""

_ROUNDING = torch.finfo(torch.float32).eps
"""Relative to the largest, singular values of a shared gradient below this are its rounding."""

_COMPARED_EVERY = 8
"""Steps. The gradients of a guess cost several of them."""


class PatchSpan:
    """What the layers of a network that tell of their patches have told.

    Args:
        network: the architecture.
        observation: one record's gradient of one step, without noise or defence; others tell
            nothing here. Of several slices any that share their patches out anew would fit.
        size: side of the images in pixels.

    Attributes:
        spans: for each layer that tells, by name, an orthonormal basis ``(rank, patch)``, float64.
    """

    def __init__(self, network: nn.Module, observation: Observation, size: int) -> None:
        self._network = copy.deepcopy(network)
        state = {**observation.parameters, **observation.buffers}
        self._network.load_state_dict(state, strict=False)
        self._network.double().requires_grad_(False)
        self.spans: dict[str, Tensor] = {}
        self._patches: dict[str, Tensor] = {}
        self._entered: dict[str, int] = {}
        self._equations, self._widest, self._pixels = 0, 0, size**2
        several = observation.batch_size > 1 or observation.local_steps > 1
        if several or observation.noise or observation.defence:
            return
        self._listen(observation)
        with torch.no_grad():
            self._network(torch.zeros(1, 1, size, size).double())
        for name, patches in self._patches.items():
            self._take(name, patches, observation.gradients[f"{name}.weight"])

    @property
    def told(self) -> bool:
        """Whether it is enough to search by: more equations than pixels, and a wide layer.

        More numbers must go into it than there are pixels. Below a narrower one slices that differ
        look nearly alike: on 128 x 128 pixels in a U-Net of five levels the search crept.
        """
        return min(self._equations, self._widest) > self._pixels

    def outside(self, images: Tensor) -> Tensor:
        """Share of the patches' squared lengths that lies outside, mean over the layers.

        Args:
            images: float64 ``(1, 1, H, W)``; at least one layer must tell.

        Returns:
            Scalar in [0, 1], attached to the graph.
        """
        self._patches.clear()
        with contextlib.suppress(_AllSeen):
            self._network(images)
        shares = [_outside(patches, self.spans[name]) for name, patches in self._patches.items()]
        return torch.stack(shares).mean()

    def _listen(self, observation: Observation) -> None:
        for name, layer in self._network.named_modules():
            if _tells(layer) and f"{name}.weight" in observation.gradients:
                layer.register_forward_pre_hook(self._hear(name))

    def _hear(self, name: str) -> Any:
        def hear(layer: nn.Module, entered: tuple[Tensor, ...]) -> None:
            if self.spans and name not in self.spans:
                return
            self._patches[name] = patches_of(layer, entered[0])
            self._entered[name] = entered[0].numel()
            if len(self._patches) == len(self.spans):
                raise _AllSeen

        return hear

    def _take(self, name: str, patches: Tensor, gradient: Tensor) -> None:
        rows = gradient.double().flatten(1)
        if len(patches) > len(rows) or not torch.isfinite(rows).all():
            return
        _, lengths, basis = torch.linalg.svd(rows, full_matrices=False)
        span = basis[lengths > _ROUNDING * lengths[0]]
        free = rows.shape[1] - len(span)
        if 0 < len(span) <= len(patches) and free:
            self.spans[name] = span
            self._equations += len(patches) * free
            self._widest = max(self._widest, self._entered[name])


class _AllSeen(Exception):
    """The rest of the network need not be computed."""


def patches_of(layer: nn.Module, entered: Tensor) -> Tensor:
    """What each output place of a layer looks at, ``(places, patch)``.

    Args:
        layer: a convolution or a linear layer.
        entered: its input.
    """
    if isinstance(layer, nn.Conv2d):
        assert not isinstance(layer.padding, str)
        cut = F.unfold(entered, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
        return cut.transpose(1, 2).flatten(0, 1)
    return entered.flatten(0, -2)


def _tells(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        plain = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        return plain and layer.groups == 1
    return isinstance(layer, nn.Linear)


def _outside(patches: Tensor, span: Tensor) -> Tensor:
    left = patches - patches @ span.T @ span
    return left.square().sum() / patches.square().sum().clamp(min=1e-30)


def by_patches(
    span: PatchSpan, matcher: GradientMatcher, clock: Clock, start: Candidate
) -> Iterator[Guess]:
    """L-BFGS until all patches lie in their spans; its guesses are compared by their gradients.

    Args:
        span: of layers that tell enough.
        matcher: that knows the masks or labels; else the start brings them.
        clock: of this stage.
        start: where the images begin; targets that it brings stay as they are.
    """

    def measure(candidate: Candidate) -> Measured:
        outside = span.outside(candidate.images)
        return Measured(outside, float(outside.detach()))

    def compared(guess: Guess) -> Guess:
        return Guess(guess.candidate, float(matcher.compare(guess.candidate).distance))

    def render(searched: Sequence[Tensor]) -> Candidate:
        return Candidate(searched[0], start.targets)

    guess = None
    way = lbfgs(
        [start.images.double()],
        measure,
        clock,
        worthwhile=lambda now: WORTHWHILE * now,
        render=render,
    )
    for number, guess in enumerate(way):
        if number % _COMPARED_EVERY == 0:
            yield compared(guess)
    if guess is not None:
        yield compared(guess)


def drawn(size: int) -> Tensor:
    """The mean of what somebody draws who has never seen a slice, ``(1, 1, size, size)``."""
    return sketches(DRAWINGS, size, seed=0)[0].mean(dim=0, keepdim=True)
