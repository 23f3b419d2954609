"""Whether a network is as often right as it believes to be."""

from __future__ import annotations

import numpy as np

_BINS = 15


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = _BINS) -> float:
    """Expected calibration error (Guo et al. 2017, equation 3).

    Predictions are sorted into bins of equal width by their confidence; in each bin the mean
    confidence is held against the share that is right, and the differences are averaged with the
    number of predictions as weight.

    Args:
        confidence: ``(N,)``, probability of the predicted class, in [0, 1].
        right: bool ``(N,)``, whether the predicted class is the true one.
        bins: how many; the m-th of M reaches from (m - 1) / M, excluded, to m / M.

    Returns:
        In [0, 1]; 0 is perfect.
    """
    confidence = confidence.astype(np.float64)
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    surplus = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(confidence))
