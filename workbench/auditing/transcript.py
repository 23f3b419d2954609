"""What an audited training showed: every release on the canaries' coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Transcript:
    """One training as its auditor saw it.

    Of M canaries and K null coordinates, which no record ever moves. A unit is what is sampled
    and clipped: a slice, or a patient with all slices.

    Attributes:
        signals: float32 ``(T, M + K)``, released coordinates in units of the clipping norm:
            gradient times ``expected_units`` over ``max_grad_norm``. Of a correct mechanism
            normal with standard deviation ``noise_multiplier`` around 1 where the canary took
            part and around 0 elsewhere.
        members: bool ``(M,)``, which canaries were put among the records; decided by fair,
            independent coins.
        included: bool ``(T, M)``, which canaries were forwarded in which step.
        visits: bool ``(T, U)``, which units of all records were forwarded in which step.
    """

    signals: np.ndarray
    members: np.ndarray
    included: np.ndarray
    visits: np.ndarray

    @property
    def steps(self) -> int:
        """Releases that were counted."""
        return len(self.signals)

    @property
    def nulls(self) -> np.ndarray:
        """float32 ``(T, K)``, the coordinates that hold noise alone."""
        return self.signals[:, len(self.members) :]

    @property
    def drawn(self) -> np.ndarray:
        """Units in each step, int ``(T,)``."""
        counts: np.ndarray = self.visits.sum(axis=1)
        return counts
