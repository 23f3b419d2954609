"""Work that cannot yield by itself, watched from a generator that can be closed at any time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from workbench.runs.events import Event, Progress

E = TypeVar("E", bound=Event)
T = TypeVar("T")
Tell = Callable[[E], None]

_SECONDS_BETWEEN_EVENTS = 0.25


def aside(
    work: Callable[[Tell[E]], T], doing: str | None = None
) -> Generator[E | Progress, None, T]:
    """Carry out a function in a thread of its own, telling what it tells.

    Args:
        work: is given a function to tell events with; that raises once nobody listens any more,
            which ends the work.
        doing: said while the work itself is silent, to be at least one event every half second;
            ``None`` leaves silence alone.

    Yields:
        What is told, of several ``Progress`` the last.

    Returns:
        What the work returns.

    Raises:
        BaseException: whatever the work raised.
    """
    told: queue.SimpleQueue[E | Progress] = queue.SimpleQueue()
    stopping = threading.Event()
    outcome: list[T] = []
    trouble: list[BaseException] = []

    def tell(event: E) -> None:
        if stopping.is_set():
            raise _Stopped
        told.put(event)

    def run() -> None:
        try:
            outcome.append(work(tell))
        except BaseException as error:
            trouble.append(error)

    latest: E | Progress | None = Progress(done=0, total=1, doing=doing) if doing else None
    thread = threading.Thread(target=run, name=doing, daemon=True)
    thread.start()
    try:
        going = True
        while going:
            thread.join(_SECONDS_BETWEEN_EVENTS)
            going = thread.is_alive()  # asked before what it told is fetched: nothing is lost
            while not told.empty():
                event = told.get()
                if isinstance(event, Progress):
                    latest = event
                else:
                    yield event
            if latest is not None:
                yield latest
            if doing is None:
                latest = None
    finally:
        stopping.set()
        thread.join(_SECONDS_BETWEEN_EVENTS)
    if trouble:
        raise trouble[0]
    return outcome[0]


class _Stopped(Exception):
    """Nobody listens any more."""
