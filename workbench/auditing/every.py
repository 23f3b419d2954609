"""All engines in every way that they are used, for a project's own CI."""

from __future__ import annotations

from typing import Any

from workbench.auditing.config import AuditConfig
from workbench.auditing.trainings.catalogue import TRAININGS

SMALL: dict[str, Any] = {"steps": 60, "canaries": 500, "nulls": 4000}
THOROUGH: dict[str, Any] = {"steps": 200, "canaries": 8000, "nulls": 10_000}

LEVEL = 1e-4
"""Of all audits together."""

NOT_FINITE = ("finite-nan", "finite-infinity")
"""Opacus 1.6 passes a gradient on that is no number, and all weights are none from then on."""

GHOST = ("sensitivity-layout",)
"""Its ghost clipping takes wrong norms of pictures whose channels lie last in memory."""

_WAYS: dict[str, dict[str, Any]] = {
    **{engine: {"engine": engine} for engine in TRAININGS},
    "bookkeeping, patients": {"unit": "patient"},
    "opacus, patients": {"engine": "opacus", "unit": "patient"},
    "bookkeeping, adam": {"optimizer": "adam"},
    "privacy-engine, adam": {"engine": "privacy-engine", "optimizer": "adam"},
    "bookkeeping, virtual batches": {"physical_batch": 16},
    "privacy-engine, virtual batches": {"engine": "privacy-engine", "physical_batch": 16},
    "bookkeeping, segmentation": {"network": "unet-small"},
}


def every(*, nightly: bool) -> dict[str, AuditConfig]:
    """The audits, by what is audited; known flaws of Opacus' own engines are accepted.

    Args:
        nightly: thorough ones, some twenty seconds each, instead of small ones of a second or two.
    """
    size = THOROUGH if nightly else SMALL
    level = LEVEL / len(_WAYS)
    return {
        name: AuditConfig(**way, **size, accept=_known(way.get("engine", "")), level=level)
        for name, way in _WAYS.items()
    }


def _known(engine: str) -> tuple[str, ...]:
    """What is wrong with Opacus' own engines, and has been told to their users."""
    if not engine.startswith("privacy-engine") or engine.endswith("bookkeeping"):
        return ()
    return NOT_FINITE + GHOST * engine.endswith("ghost")
