"""Columns beside the pictures that sort them into groups: cause, scanner, sex."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

MOST = 12
"""Of more groups than this none is large enough to be judged, and the column may be a name."""


def groupings(
    columns: Mapping[str, np.ndarray], labels: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The columns that sort slices into a few groups.

    Args:
        columns: by name, ``(N,)`` texts; empty where unknown.
        labels: class of each slice, ``(N,)``; a column that only repeats it is left out.

    Returns:
        Those with 2 to 12 different words, str ``(N,)``.
    """
    texts = {name: np.char.strip(column.astype(str)) for name, column in columns.items()}
    return {
        name: text
        for name, text in texts.items()
        if 2 <= len(set(text.tolist()) - {""}) <= MOST and not _repeats(text, labels)
    }


def _repeats(text: np.ndarray, labels: np.ndarray | None) -> bool:
    if labels is None:
        return False
    pairs = set(zip(text.tolist(), labels.tolist(), strict=True))
    return len(pairs) == len(np.unique(labels)) == len(np.unique(text))
