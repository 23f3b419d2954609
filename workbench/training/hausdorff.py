"""How far a predicted outline lies from the true one."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

_NEIGHBOURS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], dtype=bool)


def hausdorff95(
    predicted: np.ndarray, truth: np.ndarray, spacing: tuple[float, float] | None = None
) -> np.ndarray:
    """95 % Hausdorff distance of each slice's outlines (Huttenlocher et al. 1993; MONAI's).

    From every edge pixel of one mask to the nearest edge pixel of the other; of these distances
    the 95th percentile, and of the two directions the larger one. Edge pixels are those of the
    mask that touch another one, or the border of the picture, with a side.

    MONAI's ``compute_hausdorff_distance`` gives the same numbers in ten times the time, which
    is too long for thousands of slices at the end of every training.

    Args:
        predicted: bool ``(N, H, W)``.
        truth: bool ``(N, H, W)``.
        spacing: height and width of a pixel in millimetres; ``None`` measures in pixels.

    Returns:
        float64 ``(N,)`` in millimetres or pixels. A slice where one of the two masks is empty gets
        the diagonal of the picture, the worst there could be; where both are empty there is
        nothing to measure, and it is not a number.
    """
    pixel = np.array(spacing or (1.0, 1.0))
    worst = math.hypot(*(pixel * predicted.shape[1:]))
    edges = zip(_edges(predicted), _edges(truth), strict=True)
    return np.array([_distance(one, other, pixel, worst) for one, other in edges])


def _edges(masks: np.ndarray) -> np.ndarray:
    masks = masks.astype(bool)
    return np.asarray(masks & ~binary_erosion(masks, _NEIGHBOURS))


def _distance(one: np.ndarray, other: np.ndarray, pixel: np.ndarray, worst: float) -> float:
    if not one.any() or not other.any():
        return worst if one.any() or other.any() else math.nan
    points, targets = np.argwhere(one) * pixel, np.argwhere(other) * pixel
    there, back = KDTree(targets).query(points)[0], KDTree(points).query(targets)[0]
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))
