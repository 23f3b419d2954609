"""The same drawn patients as other scanners and other readers would show them.

Networks that begin from phantoms meet pictures of unknown scale, contrast and sharpness; those
trained on many of them mind less (domain randomisation, Tobin et al. 2017).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from workbench.imaging.hounsfield import Window

ZOOM = (0.72, 1.28)
"""Share of the field that is seen; above 1 the patient is smaller."""
STRETCH = (0.92, 1.08)
TURN = math.radians(15)
SHIFT = 0.06
"""Of the side, to all four sides."""
CONTRAST, CENTRE_HU, BRIGHTER_HU = (0.7, 1.4), 100.0, (-30.0, 35.0)
GAMMA = (0.7, 1.4)
BLUR_PIXELS = (-0.6, 0.7)
NOISE = (-0.03, 0.06)
"""Standard deviations; where a draw is below 0 there is none."""


def varied(
    hu: np.ndarray, masks: np.ndarray, window: Window, versions: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Versions of slices that differ in scale, position, contrast, sharpness and noise.

    Args:
        hu: int16 ``(N, H, H)``.
        masks: uint8 ``(N, H, H)``.
        window: what [0, 1] stands for.
        versions: of each slice, >= 1; they follow each other.
        seed: the same seed gives the same versions.

    Returns:
        Pictures, float32 ``(N * versions, H, H)`` in [0, 1], and their masks.
    """
    rng = np.random.default_rng([seed, versions])
    shape = (len(hu) * versions, *hu.shape[1:])
    pictures, moved = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    for index in range(len(pictures)):
        matrix, offset = _movement(hu.shape[1], rng)
        slice_hu, mask = hu[index // versions], masks[index // versions]
        seen = ndimage.affine_transform(
            slice_hu.astype(np.float32), matrix, offset, order=1, cval=-1024
        )
        pictures[index] = _shown(seen, window, rng)
        moved[index] = ndimage.affine_transform(mask, matrix, offset, order=0)
    return pictures, moved


def _movement(side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset from a pixel of the version to the place in the slice that it shows."""
    turn, zoom = rng.uniform(-TURN, TURN), rng.uniform(*ZOOM)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = rotation * (zoom * rng.uniform(*STRETCH, 2))[:, None]
    centre = np.full(2, (side - 1) / 2)
    return matrix, centre - matrix @ centre + rng.uniform(-SHIFT, SHIFT, 2) * side


def _shown(hu: np.ndarray, window: Window, rng: np.random.Generator) -> np.ndarray:
    changed = (hu - CENTRE_HU) * rng.uniform(*CONTRAST) + CENTRE_HU + rng.uniform(*BRIGHTER_HU)
    picture = window.show(changed) ** rng.uniform(*GAMMA)
    picture = ndimage.gaussian_filter(picture, max(0.0, rng.uniform(*BLUR_PIXELS)))
    noise = max(0.0, rng.uniform(*NOISE)) * rng.standard_normal(hu.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)
