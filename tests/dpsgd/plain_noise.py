"""Noise on the grid as one would write it down: what ``NoiseSource`` is held against."""

import numpy as np

from workbench.dpsgd.randomness import RandomStream


def gaussian_noise(stream: RandomStream, count: int, std: float) -> np.ndarray:
    """Noise to be added in float64, then rounded to a grid that depends on nothing secret.

    Args:
        stream: the source.
        count: how many values.
        std: standard deviation, >= 0; at 0 the noise is 0.

    Returns:
        float64 ``(count,)``.
    """
    return stream.normal(count) * std if std else np.zeros(count)


def round_to_grid(values: np.ndarray, std: float) -> np.ndarray:
    """Noisy values on multiples of a power of two near ``std`` / 2^20: post-processing.

    The low bits of a floating-point sum depend on the size of the un-noised value (Mironov 2012);
    a public grid throws them away.
    """
    if std == 0:
        return values
    grid = 2.0 ** (np.floor(np.log2(std)) - 20)
    return np.round(values / grid) * grid
