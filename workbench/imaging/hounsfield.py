"""Hounsfield units (HU) to display values and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.errors import BadInput


@dataclass(frozen=True)
class Window:
    """The range of Hounsfield units shown from black to white.

    Args:
        low: HU that become 0 (black).
        high: HU that become 1 (white).

    Raises:
        BadInput: ``low`` is not below ``high``.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise BadInput(
                f"An HU window from {self.low:g} to {self.high:g} shows nothing; "
                "its low end must be below its high end.",
                field="window",
            )

    def show(self, hu: np.ndarray) -> np.ndarray:
        """HU of any shape to float32 in [0, 1]; what lies outside the window is clipped."""
        scaled = (np.asarray(hu, dtype=np.float32) - self.low) / (self.high - self.low)
        return np.clip(scaled, 0, 1, dtype=np.float32)

    def to_hu(self, shown: np.ndarray) -> np.ndarray:
        """Values in [0, 1] back to HU (float32); what the window clipped stays clipped."""
        return np.asarray(shown, dtype=np.float32) * (self.high - self.low) + self.low


ABDOMEN = Window(-160, 240)
SOFT_TISSUE = Window(-200, 300)
LUNG = Window(-1350, 150)
