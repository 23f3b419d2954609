"""Loading as a stream of events, for works that are watched and may be stopped."""

from __future__ import annotations

from collections.abc import Generator

from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.runs.aside import Tell, aside
from workbench.runs.events import Progress


def loading(source: str, *, size: int | None = None) -> Generator[Progress, None, SliceSet]:
    """:func:`workbench.imaging.load.load`, told while it happens; closing the generator stops it.

    Yields:
        How far it is, where that takes long.

    Returns:
        The slices.

    Raises:
        BadInput: as ``load`` does.
    """

    def work(tell: Tell[Progress]) -> SliceSet:
        def progress(done: float, total: float) -> None:
            tell(Progress(done=done, total=total, doing="getting the slices"))

        return load(source, size=size, progress=progress)

    return (yield from aside(work))
