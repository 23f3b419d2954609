"""What a reader is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput

Progress = Callable[[float, float], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A path and what a person wants to see of it.

    Args:
        path: file or folder that exists.
        size: side in pixels to bring every slice to, or ``None`` to keep theirs.
        labels: label values that count as foreground; empty for the reader's own choice.
        mask: name of the mask file beside a volume, or ``None`` to find it by its name.
        progress: called with steps done and steps in all.
    """

    path: Path
    size: int | None = None
    labels: tuple[int, ...] = ()
    mask: str | None = None
    progress: Progress | None = None

    def tell(self, done: float, total: float) -> None:
        """Report progress, if anybody listens."""
        if self.progress is not None:
            self.progress(done, total)

    def refuse_labels(self) -> None:
        """For sources without numbered labels.

        Raises:
            BadInput: a label value or a mask file was asked for.
        """
        if self.labels or self.mask:
            raise BadInput(
                f"{self.path}: only volumes with masks beside them take '#label=' or '#mask='; "
                "leave it out.",
                field="data",
            )
