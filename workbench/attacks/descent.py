"""Two ways downhill, each a generator that can be stopped between two steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from workbench.attacks.clock import Clock

LBFGS_HISTORY = 100
_LINE_SEARCH = 26
_SCALE = 1e6
"""torch forgets a step whose curvature is below 1e-10, whatever the objective's scale; a larger
objective keeps them all."""

_STALLED_STEPS = 12


class Guess(NamedTuple):
    """An image on the way.

    Attributes:
        images: ``(B, 1, H, W)``, detached.
        objective: by which guesses are compared; the smaller, the better.
    """

    images: Tensor
    objective: float


class Measured(NamedTuple):
    """What a guess is worth.

    Attributes:
        descended: scalar, attached to the graph: what the search goes down on.
        objective: by which guesses are compared.
    """

    descended: Tensor
    objective: float


def adam(
    start: Tensor,
    measure: Callable[[Tensor, float], Measured],
    clock: Clock,
    *,
    learning_rate: float,
    signed: bool,
    decayed: bool,
    grow: Callable[[Tensor], Tensor] = lambda images: images,
) -> Iterator[Guess]:
    """Adam inside the box [0, 1] until the time is up.

    Args:
        start: where to begin, ``(B, 1, h, w)``.
        measure: of grown images and the share of time that has passed.
        clock: of this stage.
        learning_rate: at the beginning.
        signed: descend along the sign of the gradient (Geiping et al. 2020).
        decayed: lower the learning rate to 0 along half a cosine.
        grow: from what is searched to images, ``(B, 1, H, W)``.
    """
    searched = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([searched], lr=learning_rate)
    while not clock.over:
        share = clock.share
        images = grow(searched)
        measured = measure(images, share)
        (gradient,) = torch.autograd.grad(measured.descended, searched)
        yield Guess(images.detach().clone(), measured.objective)
        if not torch.isfinite(gradient).all():
            return
        searched.grad = gradient.sign() if signed else gradient
        if decayed:
            optimizer.param_groups[0]["lr"] = learning_rate * half_cosine(share)
        optimizer.step()
        with torch.no_grad():
            searched.clamp_(0, 1)


def half_cosine(share: float) -> float:
    """From 1 to 0 as ``share`` goes from 0 to 1."""
    return (1 + math.cos(math.pi * min(share, 1.0))) / 2


def lbfgs(
    start: Tensor,
    measure: Callable[[Tensor], Measured],
    clock: Clock,
    *,
    worthwhile: Callable[[float], float],
) -> Iterator[Guess]:
    """L-BFGS with strong Wolfe line search, until it stalls or the time is up.

    One step at a time, so that a person can stop it; the values at the point that a line search
    ends on are remembered, so that this costs no evaluation more than many steps in one call.

    Args:
        start: where to begin, ``(B, 1, H, W)``.
        measure: of images.
        clock: of this stage.
        worthwhile: from an objective to how much a dozen steps must take from it.
    """
    images = start.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [images], lr=1.0, max_iter=1, max_eval=_LINE_SEARCH, history_size=LBFGS_HISTORY,
        line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0,
    )  # fmt: skip
    evaluate = _Remembering(images, measure, clock)
    reached: list[float] = []
    while not clock.over:
        try:
            optimizer.step(evaluate)
            guess = Guess(images.detach().clone(), evaluate.at(images))
        except _LineSearchOverError:
            return
        yield guess
        reached.append(guess.objective)
        if len(reached) > _STALLED_STEPS:
            before = reached[-1 - _STALLED_STEPS]
            if before - guess.objective < worthwhile(before):
                return


class _LineSearchOverError(Exception):
    """The time ran out within a line search, or it met a value that is not a number."""


class _Remembering:
    """The closure of L-BFGS, which does not compute again what it has just computed."""

    def __init__(self, images: Tensor, measure: Callable[[Tensor], Measured], clock: Clock) -> None:
        self._images, self._measure, self._clock = images, measure, clock
        self._point: Tensor | None = None
        self._loss = torch.tensor(math.inf)
        self._gradient = torch.zeros_like(images)
        self._objective = math.inf

    def __call__(self) -> Tensor:
        if self._point is None or not torch.equal(self._point, self._images):
            if self._clock.over:
                raise _LineSearchOverError
            measured = self._measure(self._images)
            if not torch.isfinite(measured.descended):
                raise _LineSearchOverError
            scaled = _SCALE * measured.descended
            self._loss, self._objective = scaled.detach(), measured.objective
            (self._gradient,) = torch.autograd.grad(scaled, self._images)
            self._point = self._images.detach().clone()
        self._images.grad = self._gradient.clone()
        return self._loss

    def at(self, images: Tensor) -> float:
        """The objective at this point."""
        if self._point is None or not torch.equal(self._point, images):
            self()
        return self._objective
