"""Two ways downhill, each a generator that can be stopped between two steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from workbench.attacks.search.clock import Clock

LBFGS_HISTORY = 100
_LINE_SEARCH = 26
_SCALE = 1e6
"""torch forgets a step whose curvature is below 1e-10, whatever the objective's scale; a larger
objective keeps them all."""

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
    optimizer = torch.optim.Adam(
        [{"params": [one], "lr": rate} for one, rate in zip(searched, learning_rates, strict=True)]
    )
    while not clock.over:
        share = clock.share
        candidate = render(searched)
        measured = measure(candidate, share)
        gradients = torch.autograd.grad(measured.descended, searched)
        yield Guess(candidate.detached(), measured.objective)
        if not all(torch.isfinite(gradient).all() for gradient in gradients):
            return
        for one, gradient in zip(searched, gradients, strict=True):
            one.grad = gradient.sign() if signed else gradient
        if decayed:
            for group, rate in zip(optimizer.param_groups, learning_rates, strict=True):
                group["lr"] = rate * half_cosine(share)
        optimizer.step()
        with torch.no_grad():
            searched[0].clamp_(0, 1)


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

    One step at a time, so that a person can stop it; the values at the point that a line search
    ends on are remembered, so that this costs no evaluation more than many steps in one call.

    Args:
        start: where to begin; nothing is kept inside a box.
        measure: of a rendered candidate.
        clock: of this stage.
        worthwhile: from an objective to how much a dozen steps must take from it.
        render: from what is searched to a candidate.
    """
    searched = [tensor.detach().clone().requires_grad_() for tensor in start]
    optimizer = torch.optim.LBFGS(
        searched, lr=1.0, max_iter=1, max_eval=_LINE_SEARCH, history_size=LBFGS_HISTORY,
        line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0,
    )  # fmt: skip
    evaluate = _Remembering(searched, measure, clock, render)
    reached: list[float] = []
    while not clock.over:
        try:
            optimizer.step(evaluate)
            guess = evaluate.guess()
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

    def __init__(
        self,
        searched: list[Tensor],
        measure: Callable[[Candidate], Measured],
        clock: Clock,
        render: Render,
    ) -> None:
        self._searched, self._measure, self._clock = searched, measure, clock
        self._render = render
        self._point: list[Tensor] = []
        self._loss = torch.tensor(math.inf)
        self._gradients: tuple[Tensor, ...] = ()
        self._guess: Guess | None = None

    def __call__(self) -> Tensor:
        if not self._at_hand():
            if self._clock.over:
                raise _LineSearchOverError
            candidate = self._render(self._searched)
            measured = self._measure(candidate)
            if not torch.isfinite(measured.descended):
                raise _LineSearchOverError
            scaled = _SCALE * measured.descended
            self._loss = scaled.detach()
            self._gradients = torch.autograd.grad(scaled, self._searched)
            self._guess = Guess(candidate.detached(), measured.objective)
            self._point = [one.detach().clone() for one in self._searched]
        for one, gradient in zip(self._searched, self._gradients, strict=True):
            one.grad = gradient.clone()
        return self._loss

    def guess(self) -> Guess:
        """The candidate at the point that the last step ended on."""
        if not self._at_hand():
            self()
        assert self._guess is not None
        return self._guess

    def _at_hand(self) -> bool:
        return bool(self._point) and all(
            torch.equal(a, b) for a, b in zip(self._point, self._searched, strict=True)
        )
