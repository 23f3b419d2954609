"""Those who are told what happens in a run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from workbench.runs.events import Event

Subscriber = Callable[[Event], object]

logger = logging.getLogger(__name__)


class Audience:
    """Each subscriber sees every event once and in order; an error in one stops nobody else.

    Args:
        lock: held by the caller while it remembers new events, so that none falls between what a
            new subscriber is told of the past and what it is told later.
        past: the events so far.
    """

    def __init__(self, lock: threading.RLock, past: Callable[[], Iterable[Event]]) -> None:
        self._lock, self._past = lock, past
        self._subscribers: list[Subscriber] = []

    def join(self, callback: Subscriber) -> Callable[[], None]:
        """Tell the past now, and have the future told; returns what ends the subscription."""
        with self._lock:
            for event in self._past():
                _tell(callback, event)
            self._subscribers.append(callback)

        def leave() -> None:
            with self._lock, suppress(ValueError):
                self._subscribers.remove(callback)

        return leave

    def now(self) -> Sequence[Subscriber]:
        """Who is there now; to be asked under the lock, and told after it."""
        return tuple(self._subscribers)


def tell(subscribers: Iterable[Subscriber], events: Iterable[Event]) -> None:
    """Tell these events to these subscribers."""
    for callback in subscribers:
        for event in events:
            _tell(callback, event)


def _tell(callback: Subscriber, event: Event) -> None:
    try:
        callback(event)
    except Exception:
        logger.exception("a subscriber failed on %s", type(event).__name__)
