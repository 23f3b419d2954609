"""The attack for small slices that goes on to the last digit that was shared."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import targets_for
from workbench.attacks.methods.two_stage import two_stage
from workbench.attacks.observation import Observation
from workbench.attacks.search.descent import Candidate, Guess
from workbench.attacks.search.matching import GradientMatcher
from workbench.attacks.search.search import Attack, Search
from workbench.errors import BadInput

LARGEST_SIZE = 32
SEARCH_SHARE = 0.5
"""Of the time, for the two-stage attack that comes first."""

ROWS_PER_UNKNOWN = 4
"""Of the sketch: a fourfold count is enough for a step as good as with all equations."""

_DIFFERENCE = 1e-6
_DAMPING, _LEAST, _MOST = 1e-3, 1e-15, 1e6
_LITTLE = 1e-3
"""Relative: a step that takes less than this from the distance is the last."""

_ROUNDING = 1e-13
"""Relative squared distance between a gradient and itself in single precision, about."""


def exact(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Two-stage for half of the time, then Levenberg-Marquardt (Marquardt 1963) in float64.

    The equations, one for each weight of the network, are added up with random signs into a few
    rows for each pixel (count sketch, Clarkson and Woodruff 2013). Where they can be fulfilled,
    the sketched steps lead to the same point as the full ones, and the memory needed does not
    depend on the network.

    Args:
        observation: of one record or a few.
        knowledge: of network, size, and masks or labels.
        seconds: for everything, > 0.
        restarts: attempts of the two-stage attack.
        seed: of starting images and sketch.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``.

    Raises:
        BadInput: the slices are too large, or masks or labels are needed and not known.
    """
    if knowledge.size > LARGEST_SIZE:
        raise BadInput(
            f"The exact attack solves for every pixel at once and takes slices of up to "
            f"{LARGEST_SIZE} x {LARGEST_SIZE} pixels, not {knowledge.size}; take smaller ones, "
            "or the two-stage attack.",
            field="size",
        )
    shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
    targets = targets_for(observation, knowledge)
    told = replace(knowledge, targets=targets)
    search = Search(shape, seconds)
    first = two_stage(
        observation, told, seconds=SEARCH_SHARE * seconds, restarts=restarts, seed=seed
    )
    found = yield from _within(first, seconds)
    search.begin(Candidate(torch.from_numpy(found.images).unsqueeze(1)))
    matcher = GradientMatcher(knowledge.network, observation, targets, torch.float64)
    steps = _marquardt(search, matcher, observation, seed)
    yield from search.follow("solving for every pixel", steps)
    yield search.done()
    solved = search.result(labels=targets if targets.ndim == 1 else None)
    history = np.concatenate([found.objective_history, solved.objective_history])
    best = solved if solved.objective < found.objective else found
    return replace(best, objective_history=history, seconds=search.clock.elapsed)


def _within(attack: Attack, seconds: float) -> Generator[Reconstructing, None, Reconstruction]:
    """Another attack's frames, as part of a longer one."""
    while True:
        try:
            yield replace(next(attack), budget=seconds)
        except StopIteration as end:
            found: Reconstruction = end.value
            return found


def _marquardt(
    search: Search, matcher: GradientMatcher, observation: Observation, seed: int
) -> Iterator[Guess]:
    """Damped Gauss-Newton steps; repeats its last guess while it computes slopes."""
    image = search.own_best.candidate.images.double()
    gap, damping = _gap(matcher, observation, image), _DAMPING
    here = Guess(Candidate(image), _distance(gap, matcher))
    yield here
    sketch = _Sketch(gap.numel(), ROWS_PER_UNKNOWN * image.numel(), seed)
    while not search.clock.over and here.objective > _ROUNDING:
        columns = []
        for column in _slopes(matcher, image, gap, observation):
            columns.append(sketch(column))
            yield here
            if search.clock.over:
                return
        slopes = torch.stack(columns, dim=1)
        normal, downhill = slopes.T @ slopes, slopes.T @ sketch(gap)
        before = here.objective
        while damping < _MOST and not search.clock.over:
            scaled = damping * normal.diagonal().mean() * torch.eye(len(normal)).double()
            step = torch.linalg.solve(normal + scaled, downhill)
            tried = image - step.view_as(image)
            there = _gap(matcher, observation, tried)
            distance = _distance(there, matcher)
            if distance < here.objective:
                image, gap, damping = tried, there, max(damping / 30, _LEAST)
                here = Guess(Candidate(image), distance)
                yield here
                break
            damping *= 10
        if here.objective > (1 - _LITTLE) * before:
            return


def _gap(matcher: GradientMatcher, observation: Observation, image: Tensor) -> Tensor:
    """How far each number of the gradient is off, ``(P,)``."""
    shared = matcher.shared(Candidate(image))
    rounds = (observation, *observation.further)
    seen = [gradient for each in rounds for gradient in each.gradients.values()]
    pairs = zip(shared, seen, strict=True)
    return torch.cat([(a.detach() - b.double()).flatten() for a, b in pairs])


def _distance(gap: Tensor, matcher: GradientMatcher) -> float:
    return float(gap @ gap) / max(matcher.norm**2, 1e-300)


def _slopes(
    matcher: GradientMatcher, image: Tensor, gap: Tensor, observation: Observation
) -> Iterator[Tensor]:
    """How the gap changes with each pixel, ``(P,)`` after ``(P,)``."""
    for number in range(image.numel()):
        moved = image.clone()
        moved.view(-1)[number] += _DIFFERENCE
        yield (_gap(matcher, observation, moved) - gap) / _DIFFERENCE


class _Sketch:
    """Adds up many numbers, with random signs, in few places.

    Args:
        numbers: how many there are.
        rows: how many places, at most; no more than there are numbers.
        seed: of places and signs.
    """

    def __init__(self, numbers: int, rows: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._rows = min(rows, numbers)
        self._places = torch.randint(self._rows, (numbers,), generator=generator)
        signs = torch.randint(2, (numbers,), generator=generator)
        self._signs = (2 * signs - 1).double()
        # With as many places as numbers nothing has to be added up.
        self._whole = self._rows == numbers

    def __call__(self, values: Tensor) -> Tensor:
        if self._whole:
            return values
        return torch.zeros(self._rows).double().index_add(0, self._places, self._signs * values)
