"""Loading as a stream of events, for works that are watched and may be stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator

from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.runs.events import Progress

_SECONDS_BETWEEN_EVENTS = 0.25


def loading(source: str, *, size: int | None = None) -> Generator[Progress, None, SliceSet]:
    """:func:`workbench.imaging.load.load`, told while it happens; closing the generator stops it.

    Yields:
        How far it is, where that takes long.

    Returns:
        The slices.

    Raises:
        BadInput: as ``load`` does.
    """
    seen: queue.SimpleQueue[Progress] = queue.SimpleQueue()
    stopping = threading.Event()
    outcome: list[SliceSet | BaseException] = []

    def progress(done: float, total: float) -> None:
        if stopping.is_set():
            raise _Stopped
        seen.put(Progress(done=done, total=total, doing="getting the slices"))

    def run() -> None:
        try:
            outcome.append(load(source, size=size, progress=progress))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="loading", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_SECONDS_BETWEEN_EVENTS)
            latest = None
            while not seen.empty():
                latest = seen.get()
            if latest is not None:
                yield latest
    finally:
        stopping.set()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


class _Stopped(Exception):
    """Nobody waits for the slices any more."""
