"""The states of a panel's run, shared by model and view."""

from __future__ import annotations

from typing import Final

STATES: Final = (
    "idle", "starting", "waiting", "running", "paused", "finished", "failed", "cancelled",
)  # fmt: skip
BUSY: Final = ("starting", "waiting", "running", "paused")
"""Something is under way and can be stopped."""

WORKING: Final = ("starting", "waiting", "running")
"""The clock runs."""
