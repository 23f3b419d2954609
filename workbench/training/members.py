"""Who trains where fair coins decide: what an attack on membership is measured against."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from workbench.accounting.guarantee import Unit
from workbench.errors import BadInput

_WRITTEN = re.compile(r"(patient|slice) coins (\d{1,9}), half (\d{1,9})")

# No other generator begins with this word, so the coins depend on no other draw of the same seed.
_STREAM = int.from_bytes(b"coin")


@dataclass(frozen=True, kw_only=True)
class Coins:
    """One fair coin for every unit; those with heads train.

    Halves 0 and 1 are the two sides of the same coins, and so are 2 and 3, 4 and 5, ...: of such a
    pair every unit is in exactly one. The coins of different pairs are independent.

    Attributes:
        unit: what a coin is thrown for, a ``"patient"`` with all slices or a ``"slice"``.
        seed: of the coins, 0 to 999,999,999.
        half: which half trains, in the same range.
    """

    unit: Unit
    seed: int
    half: int

    def __str__(self) -> str:
        return f"{self.unit} coins {self.seed}, half {self.half}"

    def heads(self, count: int) -> np.ndarray:
        """Which of so many units train, bool ``(count,)``."""
        coins = np.random.default_rng([_STREAM, self.seed, self.half // 2]).random(count) < 0.5
        return ~coins if self.half % 2 else coins


def coins_of(members: str) -> Coins:
    """The coins that ``TrainConfig.members`` stands for.

    Raises:
        BadInput: it names the members in another way than by coins.
    """
    found = _WRITTEN.fullmatch(members)
    if found is None:
        raise BadInput(
            "Members must be decided by fair coins, written as 'patient coins 7, half 0', not "
            f"{members!r}: a split that was chosen says nothing of what an attack would find.",
            field="members",
        )
    unit: Unit = "patient" if found[1] == "patient" else "slice"
    return Coins(unit=unit, seed=int(found[2]), half=int(found[3]))
