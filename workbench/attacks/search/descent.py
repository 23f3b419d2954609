"""Two ways downhill, each a generator that can be stopped between two steps."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.lbfgs import _strong_wolfe

from workbench.attacks.search.clock import Clock

LBFGS_HISTORY = 100
_LINE_SEARCH = 26
_STALLED_STEPS = 12


class Candidate(NamedTuple):
    """What an attacker may believe.

    Attributes:
        images: ``(B, 1, H, W)``.
        targets: masks as probabilities ``(B, 1, H, W)``, where they are searched for too.
    """

    images: Tensor
    targets: Tensor | None = None

    def detached(self) -> Candidate:
        targets = None if self.targets is None else self.targets.detach().clone()
        return Candidate(self.images.detach().clone(), targets)


class Guess(NamedTuple):
    """A candidate on the way.

    Attributes:
        candidate: detached.
        objective: by which guesses are compared; the smaller, the better.
    """

    candidate: Candidate
    objective: float


class Measured(NamedTuple):
    """What a candidate is worth.

    Attributes:
        descended: scalar, attached to the graph: what the search goes down on.
        objective: by which guesses are compared.
    """

    descended: Tensor
    objective: float


Render = Callable[[Sequence[Tensor]], Candidate]
"""From the tensors that are searched to what they mean; differentiable."""


def as_images(searched: Sequence[Tensor]) -> Candidate:
    """The first tensor is the images, and there is nothing else."""
    return Candidate(searched[0])


def adam(
    start: Sequence[Tensor],
    measure: Callable[[Candidate, float], Measured],
    clock: Clock,
    *,
    learning_rates: Sequence[float],
    signed: bool,
    decayed: bool,
    render: Render = as_images,
) -> Iterator[Guess]:
    """Adam until the time is up; the first tensor stays inside the box [0, 1].

    Args:
        start: where to begin; images first, ``(B, 1, h, w)``.
        measure: of a rendered candidate and the share of time that has passed.
        clock: of this stage.
        learning_rates: at the beginning, one for each tensor.
        signed: descend along the sign of the gradient (Geiping et al. 2020).
        decayed: lower the learning rates to 0 along half a cosine.
        render: from what is searched to a candidate.
    """
    searched = [tensor.detach().clone().requires_grad_() for tensor in start]
    moments = [_Moments(torch.zeros_like(one), torch.zeros_like(one)) for one in searched]
    for step in itertools.count(1):
        if clock.over:
            return
        share = clock.share
        candidate = render(searched)
        measured = measure(candidate, share)
        gradients = torch.autograd.grad(measured.descended, searched)
        yield Guess(candidate.detached(), measured.objective)
        if not all(torch.isfinite(gradient).all() for gradient in gradients):
            return
        for one, gradient, kept, rate in zip(
            searched, gradients, moments, learning_rates, strict=True
        ):
            followed = gradient.sign() if signed else gradient
            decay = half_cosine(share) if decayed else 1.0
            one.data -= decay * rate * kept.direction(followed, step)
        searched[0].data.clamp_(0, 1)


class _Moments(NamedTuple):
    """What Adam remembers of a tensor's gradients (Kingma and Ba 2015).

    Written out because the first optimizer of torch that a process makes takes two seconds to
    load a compiler, and an attack has few.
    """

    first: Tensor
    second: Tensor

    def direction(self, gradient: Tensor, step: int) -> Tensor:
        """Take this gradient in, the ``step``-th; where Adam goes from there, times -1."""
        self.first.lerp_(gradient, 0.1)
        self.second.lerp_(gradient * gradient, 0.001)
        spread = (self.second / (1 - 0.999**step)).sqrt() + 1e-8
        return self.first / (1 - 0.9**step) / spread


def half_cosine(share: float) -> float:
    """From 1 to 0 as ``share`` goes from 0 to 1."""
    return (1 + math.cos(math.pi * min(share, 1.0))) / 2


def lbfgs(
    start: Sequence[Tensor],
    measure: Callable[[Candidate], Measured],
    clock: Clock,
    *,
    worthwhile: Callable[[float], float],
    render: Render = as_images,
) -> Iterator[Guess]:
    """L-BFGS with strong Wolfe line search, until it stalls or the time is up.

    One step at a time, so that a person can stop it between two. No point is measured twice, and
    a step is remembered however small its curvature is, so that the scale does not matter.

    Args:
        start: where to begin; nothing is kept inside a box.
        measure: of a rendered candidate.
        clock: of this stage.
        worthwhile: from an objective to how much a dozen steps must take from it.
        render: from what is searched to a candidate.
    """
    landscape = _Landscape(start, measure, clock, render)
    memory = _Memory()
    reached: list[float] = []
    try:
        here = landscape.at(landscape.start)
        while not clock.over:
            here = _step(landscape, memory, here)
            yield here.guess
            reached.append(here.guess.objective)
            if len(reached) > _STALLED_STEPS:
                before = reached[-1 - _STALLED_STEPS]
                if before - here.guess.objective < worthwhile(before):
                    return
    except _NoFurtherError:
        return


class _NoFurtherError(Exception):
    """The time is over, a value is not a number, or no way leads down."""


class _Point(NamedTuple):
    """A place that was measured: all searched tensors in one vector ``(n,)``."""

    where: Tensor
    value: float
    gradient: Tensor
    guess: Guess


class _Landscape:
    """What is descended on, as a function of one vector."""

    def __init__(
        self,
        start: Sequence[Tensor],
        measure: Callable[[Candidate], Measured],
        clock: Clock,
        render: Render,
    ) -> None:
        self.start = torch.cat([tensor.detach().flatten() for tensor in start])
        self._shapes = [tensor.shape for tensor in start]
        self._measure, self._clock, self._render = measure, clock, render

    def at(self, where: Tensor) -> _Point:
        if self._clock.over:
            raise _NoFurtherError
        leaf = where.detach().requires_grad_()
        pieces = leaf.split([shape.numel() for shape in self._shapes])
        candidate = self._render(
            [piece.view(shape) for piece, shape in zip(pieces, self._shapes, strict=True)]
        )
        measured = self._measure(candidate)
        value = float(measured.descended.detach())
        if not math.isfinite(value):
            raise _NoFurtherError
        (gradient,) = torch.autograd.grad(measured.descended, leaf)
        return _Point(where, value, gradient, Guess(candidate.detached(), measured.objective))


def _step(landscape: _Landscape, memory: _Memory, here: _Point) -> _Point:
    """One line search along the direction of L-BFGS."""
    direction = memory.direction(here.gradient)
    slope = float(here.gradient.dot(direction))
    if slope >= 0:
        raise _NoFurtherError
    length = 1.0 if memory.moves else min(1.0, 1 / float(here.gradient.abs().sum()))
    tried: list[_Point] = []

    def look(origin: Tensor, length: float, along: Tensor) -> tuple[float, Tensor]:
        tried.append(landscape.at(origin + length * along))
        return tried[-1].value, tried[-1].gradient

    value, *_ = _strong_wolfe(
        look, here.where, length, direction, here.value, here.gradient, slope,
        max_ls=_LINE_SEARCH, tolerance_change=0.0,
    )  # fmt: skip
    there = next((point for point in tried if point.value == value), None)
    if there is None or there.value >= here.value:
        raise _NoFurtherError
    memory.remember(there.where - here.where, there.gradient - here.gradient)
    return there


class _Memory:
    """The curvature that the last steps met (Nocedal and Wright 2006, algorithm 7.4).

    Attributes:
        moves: the last steps, each beside the change of the gradient and one over their product.
    """

    def __init__(self) -> None:
        self.moves: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=LBFGS_HISTORY)

    def remember(self, move: Tensor, change: Tensor) -> None:
        product = float(move.dot(change))
        if product > 0:
            self.moves.append((move, change, 1 / product))

    def direction(self, gradient: Tensor) -> Tensor:
        """Minus the gradient times the inverse curvature."""
        along, shares = -gradient, []
        for move, change, inverse in reversed(self.moves):
            shares.append(inverse * float(move.dot(along)))
            along = along.sub(change, alpha=shares[-1])
        if self.moves:
            _, change, inverse = self.moves[-1]
            along = along / (inverse * float(change.dot(change)))
        for (move, change, inverse), share in zip(self.moves, reversed(shares), strict=True):
            along = along.add(move, alpha=share - inverse * float(change.dot(along)))
        return along
