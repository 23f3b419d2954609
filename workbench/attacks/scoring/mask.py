"""How much of the masks was found."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import dice


def mask_dice(truth: np.ndarray, found: np.ndarray) -> float:
    """Dice coefficient of the foreground, 0 to 1; 1 where both masks are empty.

    Args:
        truth: ``(H, W)``, class index of every pixel; foreground is above 0.
        found: ``(H, W)``, probability of the foreground in [0, 1]; 0.5 and above is foreground.
    """
    wanted, given = truth.ravel() > 0, found.ravel() >= 0.5
    if not wanted.any() and not given.any():
        return 1.0
    return 1 - float(dice(wanted, given))
