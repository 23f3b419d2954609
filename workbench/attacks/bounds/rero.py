"""How likely anybody can pick the true slice out of a gallery."""

from __future__ import annotations

import numpy as np

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.reconstruction import identification_bound
from workbench.attacks.bounds.bound import Bound
from workbench.errors import BadInput


def identification(noise_multiplier: float | None, releases: int, candidates: int) -> Bound:
    """Reconstruction robustness against everybody (Balle et al. 2022, Hayes et al. 2023).

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0; ``None``
            where nothing was noised.
        releases: T, noised gradients that the slice took part in, >= 1. Whoever sees less, such
            as the mean of several, knows no more.
        candidates: N, slices that are equally likely beforehand, >= 2.

    Returns:
        Gamma at kappa = 1/N; 1 where nothing was noised.

    Raises:
        BadInput: there are fewer than two candidates.
    """
    if candidates < 2:
        raise BadInput(
            f"Identification needs two candidates or more, not {candidates}.", field="candidates"
        )
    gamma = identification_curve(noise_multiplier, releases, np.array([1 / candidates]))
    times = "one release" if releases == 1 else f"{releases} releases"
    return Bound(
        name="probability of naming the slice",
        value=float(gamma[0]),
        unit="probability",
        assumption=f"Any attacker, who holds {candidates} equally likely slices, knows all other "
        f"records and sees {times}; the slice must not depend on what else they know, as one of "
        "several slices of a known patient does.",
        beaten_by_prior=False,
    )


def identification_curve(
    noise_multiplier: float | None, releases: int, kappas: np.ndarray
) -> np.ndarray:
    """Gamma ``(K,)`` over the chance of a blind guess ``(K,)`` in (0, 1)."""
    released = Mechanism(noise_multiplier=noise_multiplier or 0.0, sample_rate=1.0, steps=releases)
    return identification_bound([released], kappas)
