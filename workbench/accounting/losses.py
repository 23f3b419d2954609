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
        first: the lowest loss, in multiples of ``grid``.
        probs: ``(N,)``, probability of each loss from there on.
        infinite: probability of an infinite loss.
    """

    grid: float
    first: int
    probs: np.ndarray
    infinite: float


def losses_of(mixture: Mixture, grid: float, tail: float) -> tuple[Losses, Losses]:
    """The loss when the person is taken out, and when they are added.

    Connect the dots (Doroshenko, Ghazi, Kamath, Kumar, Manurangsi 2022), as in dp-accounting: the
    outputs are cut where the loss crosses a line of the grid, and the probability of each piece is
    put on the two lines around it such that it stays what it is, with the person and without. Here
    it is found from the pieces and not, as there, from second differences of hockey-stick
    divergences, which lose digits on narrow grids and take twenty times as long.

    Args:
        mixture: what one step looks like.
        grid: distance of the losses, > 0.
        tail: probability of outputs that need not be looked at; they count as an infinite loss.
    """
    lowest, highest = mixture.loss(mixture.ends(tail)) / grid
    # What lies outside is at most ``tail``; counting all of it keeps any grid above a finer one.
    first = math.floor(lowest)
    last = max(math.ceil(highest), first + 1)
    lines = grid * np.arange(first, last + 1)
    with_them, without = mixture.masses(mixture.places(lines))
    heights = _heights(with_them[1:-1], without[1:-1], lines[:-1], grid)
    removed = _put_on_lines(with_them[:-1], heights, grid)
    added = _put_on_lines(without[:0:-1], grid - heights[::-1], grid)
    return (
        Losses(grid, first, removed, tail + mixture.dropped),
        Losses(grid, -last, added, tail),
    )


def _heights(
    with_them: np.ndarray, without: np.ndarray, lines: np.ndarray, grid: float
) -> np.ndarray:
    """How far above its lower line the loss of each piece lies, in [0, grid]."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        heights = np.log(with_them / without) - lines
    heights[without == 0] = grid
    return np.clip(heights, 0, grid)


def _put_on_lines(pieces: np.ndarray, heights: np.ndarray, grid: float) -> np.ndarray:
    """Probabilities on the lines; the first piece lies below them all, each other between two."""
    to_upper = np.minimum(np.expm1(-heights) / math.expm1(-grid), 1)
    probs = np.zeros(len(pieces))
    probs[0] = pieces[0]
    probs[1:] += pieces[1:] * to_upper
    probs[:-1] += pieces[1:] * (1 - to_upper)
    return probs
