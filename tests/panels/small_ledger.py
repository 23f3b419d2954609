"""Data and runs small enough that what they cost has a closed form."""

from __future__ import annotations

from typing import Any

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.ledger.plans import Identity, Planned

LIVER = Identity("liver", "a" * 16, tuple("abcdefgh"), patients=4, largest_patient=2)
FULL_BATCH = {"noise_multiplier": 8.0, "sample_rate": 1.0, "steps": 100, "delta": 1e-4}
"""A next run at sampling rate 1, where epsilon has a closed form: about 5.0."""


def plan(**other: Any) -> Planned:
    return Planned(**{**FULL_BATCH, **other})


def epsilon(steps: float) -> float:
    return gaussian_epsilon(8.0, steps, 1e-4)  # type: ignore[arg-type]
