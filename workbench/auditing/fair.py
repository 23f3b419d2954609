"""Who is a member: fair, independent coins, thrown or checked."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from workbench.errors import BadInput

_DEVIATIONS = 5.0
"""Standard deviations from one half; fair coins go farther once in a million splits."""


def fair_coins(count: int) -> np.ndarray:
    """Coins, bool ``(count,)``, from the operating system's entropy."""
    thrown = np.frombuffer(os.urandom(-(-count // 8)), dtype=np.uint8)
    return np.unpackbits(thrown)[:count].astype(bool)


def check_fair(members: Sequence[bool], canaries: int) -> None:
    """Refuse a split that fair, independent coins would hardly have made.

    The bounds of one-run audits rest on such coins (Steinke, Nasr, Jagielski 2023). Looked at are
    how many are members and how often neighbours differ; a split into halves by some rule may
    still pass.

    Args:
        members: which canaries are among the records.
        canaries: how many there should be.

    Raises:
        BadInput: there are more or fewer, or the split is unfair.
    """
    split = np.asarray(members, dtype=bool)
    if split.shape != (canaries,):
        raise BadInput(
            f"There are {canaries} canaries and {split.size} coins; give one coin for each.",
            field="members",
        )
    changes = int((split[1:] != split[:-1]).sum())
    seen = {
        f"{int(split.sum())} of {canaries} canaries are members": (int(split.sum()), canaries),
        f"neighbours differ {changes} times among {canaries}": (changes, canaries - 1),
    }
    for what, (count, trials) in seen.items():
        if abs(2 * count - trials) > _DEVIATIONS * math.sqrt(trials):
            raise BadInput(
                f"Membership was decided by an unfair split: {what}; let fair, independent coins "
                "decide (leave members out).",
                field="members",
            )
