"""Work that cannot yield by itself, watched from a generator that can be closed at any time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from workbench.runs.events import Event, Progress

T = TypeVar("T")
Tell = Callable[[Event], None]

_SECONDS_BETWEEN_EVENTS = 0.25


def aside(work: Callable[[Tell], T], doing: str) -> Generator[Event, None, T]:
    """Carry out a function in a thread of its own, telling what it tells.

    Args:
        work: is given a function to tell events with; that raises once nobody listens any more,
            which ends the work.
        doing: said while the work itself is silent.

    Yields:
        What is told, of several ``Progress`` the last; at least one event every half second.

    Returns:
        What the work returns.

    Raises:
        BaseException: whatever the work raised.
    """
    told: queue.SimpleQueue[Event] = queue.SimpleQueue()
    stopping = threading.Event()
    outcome: list[T] = []
    trouble: list[BaseException] = []

    def tell(event: Event) -> None:
        if stopping.is_set():
            raise _Stopped
        told.put(event)

    def run() -> None:
        try:
            outcome.append(work(tell))
        except BaseException as error:
            trouble.append(error)

    latest: Event = Progress(done=0, total=1, doing=doing)
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
            yield latest
    finally:
        stopping.set()
        thread.join(_SECONDS_BETWEEN_EVENTS)
    if trouble:
        raise trouble[0]
    return outcome[0]


class _Stopped(Exception):
    """Nobody listens any more."""
