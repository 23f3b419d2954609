"""How much scores vary over draws of the noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(scores: Sequence[float]) -> float | None:
    """Standard deviation of the scores of several draws; ``None`` where there is only one.

    Args:
        scores: one for each draw, in any unit.
    """
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else None
