"""What the accountant needs to know of a training, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class Mechanism:
    """Steps of the Poisson-subsampled Gaussian mechanism (Abadi et al. 2016).

    Attributes:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0.
        sample_rate: probability that a sampled unit takes part in a step, in (0, 1].
        steps: releases, >= 0.
        group: sampled units that belong to the one who is protected, >= 1. 1 where that one is the
            sampled unit itself; k where slices are sampled and a patient has k of them.
    """

    noise_multiplier: float
    sample_rate: float
    steps: int
    group: int = 1
