"""Claims, and trainings that are drawn from a mechanism's own law instead of being trained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.auditing.claim import ADJACENCY, Claim
from workbench.auditing.estimators.design import Design
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.reading import evidence_of, scores_of


class Signals(NamedTuple):
    signals: np.ndarray
    members: np.ndarray
    included: np.ndarray


def claim_of(noise: float = 1.0, rate: float = 0.05, steps: int = 200) -> Claim:
    return Claim(
        noise_multiplier=noise,
        sample_rate=rate,
        steps=steps,
        delta=1e-5,
        unit="slice",
        adjacency=ADJACENCY,
    )


def drawn(
    seed: int,
    *,
    canaries: int,
    nulls: int,
    noise: float = 1.0,
    rate: float = 0.05,
    steps: int = 200,
    scale: float = 1.0,
) -> Signals:
    """What a correct training releases; ``scale`` multiplies all, as a wrong divisor does."""
    random = np.random.default_rng(seed)
    members = random.random(canaries) < 0.5
    included = (random.random((steps, canaries)) < rate) & members
    signals = np.float32(noise) * random.standard_normal((steps, canaries + nulls), np.float32)
    signals[:, :canaries] += included
    return Signals(signals * np.float32(scale), members, included)


def counted(seen: Signals, design: Design, rate: float = 0.05) -> Evidence:
    """The evidence in what was released, with the scores of somebody who knows the sample rate."""
    scores = scores_of(seen.signals, design=design, sample_rate=rate)
    return evidence_of(*seen, scores, design=design)
