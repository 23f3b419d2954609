"""The privacy loss of one step on a grid, rounded so that it never looks smaller than it is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from workbench.accounting.mixture import Mixture


class Losses(NamedTuple):
    """A distribution of the privacy loss that dominates the true one.

    Attributes:
        grid: distance of neighbouring losses.
        first: the lowest loss in multiples of ``grid``.
        probs: ``(N,)``, probability of each loss from there on.
        infinite: probability of an infinite loss.
    """

    grid: float
    first: int
    probs: np.ndarray
    infinite: float


def losses_of(mixture: Mixture, grid: float, tail: float) -> tuple[Losses, Losses]:
    """The losses of taking somebody out and of adding them.

    Connect the dots (Doroshenko, Ghazi, Kamath, Kumar, Manurangsi 2022): the outputs are cut where
    the loss crosses a grid line, and each piece is put on the two lines around it such that its
    probabilities both with and without the person stay what they are. In dp-accounting this is
    done through differences of hockey-stick divergences; probabilities of the pieces need no
    subtraction of nearly equal numbers and take a twentieth of the time.

    Args:
        mixture: what one step looks like.
        grid: distance of the losses, > 0.
        tail: probability of outputs that need not be looked at; counted as an infinite loss.
    """
    lowest, highest = mixture.loss(np.array(mixture.ends(tail)))
    first = math.floor(lowest / grid)
    last = max(math.ceil(highest / grid), first + 1)
    lines = grid * np.arange(first, last + 1)
    with_them, without = mixture.masses(mixture.places(lines))
    height = _height(with_them[1:-1], without[1:-1], lines[:-1], grid)
    removed = _put_on_lines(with_them[:-1], height, grid)
    added = _put_on_lines(without[:0:-1], grid - height[::-1], grid)
    return (
        Losses(grid, first, removed, float(with_them[-1]) + mixture.dropped),
        Losses(grid, -last, added, float(without[0])),
    )


def _height(over: np.ndarray, under: np.ndarray, lines: np.ndarray, grid: float) -> np.ndarray:
    """How far above its lower grid line the loss of each piece lies, in [0, grid]."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        height = np.log(over / under) - lines
    height[under == 0] = grid
    return np.clip(height, 0, grid)


def _put_on_lines(pieces: np.ndarray, height: np.ndarray, grid: float) -> np.ndarray:
    """Probabilities on the lines: the first piece lies below them all, the others between two."""
    to_upper = np.expm1(-height) / math.expm1(-grid)
    probs = np.zeros(len(pieces))
    probs[0] = pieces[0]
    probs[1:] += pieces[1:] * to_upper
    probs[:-1] += pieces[1:] * (1 - to_upper)
    return probs
