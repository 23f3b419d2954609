"""What a work is told beside its config."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from workbench.runs.events import Checkpointed
from workbench.runs.workspace import workspace


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at a run: the first, or a later one that goes on from a checkpoint.

    Attributes:
        run: id of the run.
        home: folder of the workspace that records it.
        checkpoint: where to go on; ``None`` at first.
    """

    run: str
    home: Path
    checkpoint: Checkpointed | None = None

    @classmethod
    def alone(cls, kind: str) -> Attempt:
        """For a work that is called directly, without a record, in the person's own workspace."""
        return cls(run=f"{kind}-alone-{secrets.token_hex(3)}", home=workspace())
