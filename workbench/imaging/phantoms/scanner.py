"""The scanner's noise: photons counted along projections, filtered back into the picture."""

from __future__ import annotations

import numpy as np
from skimage.transform import iradon, radon

WATER_PER_MM = 0.0193
"""Attenuation of water in 1/mm at about 70 keV, the mean energy of a 120 kV beam."""

VIEWS = 120
"""Projections over half a turn."""

VIEWS_PER_COUNT = 3
"""Neighbouring views that share a forward projection: the shadow changes slowly, noise does not."""


def scan(
    hu: np.ndarray, pixel_mm: float, photons_per_mm: float, rng: np.random.Generator
) -> np.ndarray:
    """The slice as a scanner would give it: with the noise of the photons that got through.

    The attenuation is projected forward (``skimage.transform.radon``), photons are counted behind
    it, and the error of the counts goes through filtered back-projection (``iradon``). Both are
    linear, so adding the reconstructed error is the same as reconstructing noisy projections, less
    the blur that a hundred views would add. The spread of a log count is 1/sqrt(expected count),
    hence more noise, in streaks, where bone and a wide body leave few photons.

    Args:
        hu: true Hounsfield units, float32 ``(H, H)``.
        pixel_mm: side of a pixel, > 0.
        photons_per_mm: photons that leave the tube for each mm of a view, > 0.
        rng: source of the noise.

    Returns:
        HU with noise, float32 ``(H, H)``; outside the inscribed circle nothing is measured.
    """
    size = len(hu)
    attenuation = _inside_circle(WATER_PER_MM * pixel_mm * (1 + hu / 1000))
    angles = np.arange(VIEWS) * (180 / VIEWS)
    shadow = radon(attenuation, angles[1::VIEWS_PER_COUNT], circle=True, preserve_range=True)
    photons = photons_per_mm * pixel_mm * np.exp(-np.repeat(shadow, VIEWS_PER_COUNT, axis=1))
    spread = 1 / np.sqrt(np.maximum(photons, 1))
    error = spread * rng.standard_normal((size, VIEWS), dtype=np.float32)
    noise = iradon(error, angles, filter_name="hann", circle=True, preserve_range=True)
    return (hu + noise * (1000 / (WATER_PER_MM * pixel_mm))).astype(np.float32)


def _inside_circle(picture: np.ndarray) -> np.ndarray:
    # radon wants zeros outside its circle, whose centre is the pixel at (H // 2, W // 2).
    axis = np.arange(len(picture)) - len(picture) // 2
    measured = axis[:, None] ** 2 + axis[None, :] ** 2 <= (len(picture) // 2) ** 2
    return np.where(measured, picture, 0).astype(np.float32)
