"""How epsilon grows with the steps, by every accountant."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from workbench.accounting.accountants import ACCOUNTANTS, epsilon_by, rdp_epsilons
from workbench.accounting.pld import COARSE, epsilon_for_drawing
from workbench.errors import BadInput

_PRV_POINTS = 6
"""The PRV accountant computes everything anew for each point, a tenth of a second and more."""


class EpsilonCurves(NamedTuple):
    """Epsilon over steps.

    Attributes:
        curves: for each accountant steps ``(N,)``, int, ascending, and epsilons ``(N,)``, float.
        missing: accountants that cannot do all of it, with the reason as a sentence.
        delta: the delta that the epsilons hold for.
    """

    curves: dict[str, tuple[np.ndarray, np.ndarray]]
    missing: dict[str, str]
    delta: float


def epsilon_curves(
    noise_multiplier: float,
    sample_rate: float,
    steps: int,
    delta: float,
    *,
    points: int = 40,
    accountants: tuple[str, ...] = ACCOUNTANTS,
) -> EpsilonCurves:
    """Epsilon from the first step to the last, for drawing.

    Args:
        noise_multiplier: > 0.
        sample_rate: in (0, 1].
        steps: of the whole training, >= 1.
        delta: in (0, 1).
        points: at most so many of each curve, >= 2; PRV gets six.
        accountants: which ones.
    """
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    missing: dict[str, str] = {}
    for name in accountants:
        counts = _counts(steps, min(points, _PRV_POINTS) if name == "prv" else points)
        try:
            epsilons = _epsilons(name, noise_multiplier, sample_rate, counts, delta)
        except BadInput as refusal:
            missing[name] = refusal.message
            continue
        curves[name] = counts, np.array(epsilons)
    return EpsilonCurves(curves, missing, delta)


def _counts(steps: int, points: int) -> np.ndarray:
    """Numbers of steps, closer together at the beginning, where epsilon rises fastest."""
    roots = np.linspace(1.0, math.sqrt(steps), points)
    return np.unique(np.round(roots**2).astype(int))


def _epsilons(
    name: str, noise_multiplier: float, sample_rate: float, counts: np.ndarray, delta: float
) -> list[float]:
    if name == "rdp":
        return rdp_epsilons(noise_multiplier, sample_rate, counts.tolist(), delta)
    if name == "pld":
        return [
            epsilon_for_drawing(
                noise_multiplier=noise_multiplier,
                sample_rate=sample_rate,
                steps=count,
                delta=delta,
                grid=COARSE,
            )
            for count in counts.tolist()
        ]
    return [
        epsilon_by(
            name,
            noise_multiplier=noise_multiplier,
            sample_rate=sample_rate,
            steps=count,
            delta=delta,
        )
        for count in counts.tolist()
    ]
