"""A reconstruction with its brightness and contrast matched to the truth."""

from __future__ import annotations

import numpy as np


def matched(truth: np.ndarray, picture: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """The ``a * picture + b`` that comes closest to the truth, in least squares.

    Some networks (instance normalisation) share nothing of a slice's offset and contrast. What is
    found up to those is still found, so it is scored like this too; the attacker cannot do it.

    Args:
        truth: ``(H, W)``.
        picture: ``(H, W)``.
        where: bool ``(H, W)``, the pixels that count; all of them if ``None``. At least one.

    Returns:
        float64 ``(H, W)``, not kept in [0, 1]; the truth's mean where the picture is constant.
    """
    truth, picture = truth.astype(np.float64), picture.astype(np.float64)
    where = np.ones(truth.shape, dtype=bool) if where is None else where
    wanted, given = truth[where] - truth[where].mean(), picture[where] - picture[where].mean()
    spread = float(given @ given)
    slope = float(given @ wanted) / spread if spread > 1e-18 * len(given) else 0.0
    fitted: np.ndarray = slope * (picture - picture[where].mean()) + truth[where].mean()
    return fitted
