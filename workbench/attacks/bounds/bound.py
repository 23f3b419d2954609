"""A limit to what an attack can reach, and whom it limits."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One number that an attacker does not get above, with what it rests on.

    Attributes:
        name: what it bounds, in words.
        value: a probability in [0, 1], or PSNR in dB; infinity where nothing limits a PSNR, as
            where no noise was added.
        unit: of ``value``.
        assumption: for whom it holds, as a sentence.
        beaten_by_prior: whether an attacker who knows what slices look like may get above it.
    """

    name: str
    value: float
    unit: Literal["probability", "dB"]
    assumption: str
    beaten_by_prior: bool

    def summary(self) -> dict[str, Any]:
        """As JSON values; a value of infinity is ``None``, as nothing is bounded."""
        return {**asdict(self), "value": self.number}

    @property
    def number(self) -> float | None:
        """The value; ``None`` where it is infinite."""
        return self.value if math.isfinite(self.value) else None

    def __str__(self) -> str:
        if self.unit == "probability":
            value = f"at most {self.value:.3g}"
        else:
            value = "none" if self.number is None else f"{self.value:.1f} dB"
        prior = "a prior can beat it" if self.beaten_by_prior else "no prior beats it"
        return f"{self.name}: {value} ({prior}). {self.assumption}"
