"""How exactly a slice can be read off a layer whose gradient holds copies of it."""

from __future__ import annotations

import math

import numpy as np

from workbench.attacks.bounds.bound import Bound
from workbench.attacks.scoring.score import decibel


def linear_law(
    noise_multiplier: float | None,
    truths: np.ndarray,
    *,
    releases: int,
    prior_variance: float,
    clip_factor: float,
) -> Bound:
    """PSNR of the best unbiased reading of a linear layer, joined with a pixel's prior.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0; ``None``
            where nothing was noised.
        truths: ``(B, H, W)`` in [0, 1].
        releases: T, noised gradients that each slice took part in, >= 1.
        prior_variance: of a pixel among public slices, > 0.
        clip_factor: what clipping multiplied these slices' gradients by, in (0, 1]; a number for
            people, the law takes the worst case.

    Returns:
        The mean over slices; infinite without noise.
    """
    squared = (truths.astype(np.float64) ** 2).sum(axis=(1, 2))
    errors = linear_error(noise_multiplier or 0.0, squared, releases)
    active = (
        f"Here clipping scaled the gradient by {clip_factor:.2g}"
        if clip_factor < 1
        else "Here clipping was not active, which makes the error larger still"
    )
    return Bound(
        name="PSNR off a linear layer",
        value=float(np.mean([joined_psnr(float(one), prior_variance) for one in errors])),
        unit="dB",
        assumption="An unbiased attacker reads copies of the slice off the gradient of a linear "
        "layer that fills the clipping norm, and knows of a pixel only how much it varies. "
        f"{active}. Other layers may tell more or less.",
        beaten_by_prior=True,
    )


def linear_error(
    noise_multiplier: float, squared_norms: np.ndarray, releases: int = 1
) -> np.ndarray:
    """Mean squared error of a pixel, ``sigma^2 |x|^2 / T``, without any prior.

    A gradient of M copies of x that is clipped to C holds x times C / (sqrt(M) |x|) in each copy,
    and noise of standard deviation sigma C in each number; the mean of the rescaled copies is off
    by sigma |x|, whatever C and M. As the law of Ziller, Riess et al. 2024 (arXiv 2402.12861).

    Args:
        noise_multiplier: sigma, >= 0.
        squared_norms: ``(B,)``, squared L2 norms of the slices.
        releases: T, >= 1.
    """
    errors: np.ndarray = noise_multiplier**2 * squared_norms / releases
    return errors


def joined_psnr(error: float, prior_variance: float) -> float:
    """PSNR of an unbiased reading joined with what was known before, both as if Gaussian.

    Args:
        error: mean squared error of the reading, >= 0.
        prior_variance: of a pixel, > 0.

    Returns:
        dB; infinite where the error is 0.
    """
    if error == 0:
        return math.inf
    return decibel(1 / (1 / error + 1 / prior_variance))
