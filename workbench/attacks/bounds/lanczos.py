"""The spectrum of a large symmetric matrix, as far as a few products with it tell."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from workbench.attacks.search.clock import Clock

_EXHAUSTED = 1e-12
"""Of the largest eigenvalue: what is left of a direction when nothing is left to find."""


class Spectrum(NamedTuple):
    """A few eigenvalues that stand for all.

    Attributes:
        values: ``(K,)``, >= 0.
        weights: ``(K,)``, the share of each; they add up to 1.
    """

    values: np.ndarray
    weights: np.ndarray


def spectrum(
    apply: Callable[[np.ndarray], np.ndarray],
    size: int,
    *,
    probes: int,
    steps: int,
    seed: int,
    seconds: float,
) -> Generator[int, None, Spectrum]:
    """Stochastic Lanczos quadrature (Golub and Meurant 1994; Ubaru, Chen, Saad 2017).

    The mean of f over the eigenvalues is close to the sum of ``weights * f(values)``. For f that
    falls and is convex with all its even derivatives, such as 1 / (x + c), Gauss' quadrature is
    never above the mean over the probes, however few the steps.

    Args:
        apply: the matrix, positive semi-definite, times a vector ``(size,)``.
        size: of the matrix.
        probes: random vectors, >= 1.
        steps: products with each, at most.
        seed: of the vectors, whose entries are -1 and 1.
        seconds: for all; a probe whose time is up ends with the steps that it has.

    Yields:
        Products so far.
    """
    random, clock = np.random.default_rng(seed), Clock(seconds)
    found: list[Spectrum] = []
    for probe in range(probes):
        start = random.choice((-1.0, 1.0), size)
        time = clock.part(1 / (probes - probe) * (1 - clock.share))
        known: list[Spectrum] = []
        for one in _lanczos(apply, start, min(steps, size)):
            known.append(one)
            yield probe * steps + len(known)
            if time.over:
                break
        found.append(known[-1])
    return Spectrum(
        np.concatenate([one.values for one in found]),
        np.concatenate([one.weights for one in found]) / probes,
    )


def _lanczos(
    apply: Callable[[np.ndarray], np.ndarray], start: np.ndarray, steps: int
) -> Generator[Spectrum, None, None]:
    """What one probe knows after each product; every direction is kept orthogonal to all."""
    basis = np.empty((steps, len(start)))
    diagonal: list[float] = []
    beside: list[float] = []
    direction = start / np.linalg.norm(start)
    for step in range(steps):
        basis[step] = direction
        image = apply(direction)
        diagonal.append(float(direction @ image))
        yield _quadrature(diagonal, beside)
        known = basis[: step + 1]
        for _ in range(2):  # once leaves rounding errors that grow
            image = image - known.T @ (known @ image)
        rest = float(np.linalg.norm(image))
        if rest <= _EXHAUSTED * max(diagonal):
            return
        beside.append(rest)
        direction = image / rest


def _quadrature(diagonal: list[float], beside: list[float]) -> Spectrum:
    values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside[: len(diagonal) - 1]))
    return Spectrum(np.maximum(values, 0), vectors[0] ** 2)
