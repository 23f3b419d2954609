"""Which pictures of a long run are kept: enough for a film strip, however long it runs.

A run may show ten thousand pictures of a kind. Of those, number 0, every ``stride``-th one and the
newest stay; ``stride`` doubles whenever more than :data:`FRAMES` would stay. So the strip always
spans the whole run evenly, and a picture once dropped is never needed again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from workbench.runs.events import TERMINAL, Checkpointed, Event, take_apart

FRAMES = 40


def is_picture(event: Event) -> bool:
    """Whether an event is one of many pictures of the same thing, of which the newest matters."""
    return not isinstance(event, (Checkpointed, *TERMINAL)) and bool(take_apart(event)[1])


def stride(newest: int) -> int:
    """Distance between kept pictures when the newest has this number, counted from 0."""
    step = 1
    while newest // step >= FRAMES:
        step *= 2
    return step


def kept(newest: int) -> set[int]:
    """Numbers of the pictures that are kept when the newest has this number."""
    return {*range(0, newest, stride(newest)), newest}


class History:
    """The events of a run in memory: all scalars, thinned pictures, weights of the last checkpoint.

    Not thread safe; the owner holds a lock.
    """

    def __init__(self) -> None:
        self._events: dict[int, Event] = {}
        self._pictures: dict[str, dict[int, int]] = {}
        self._shown: Counter[str] = Counter()
        self._checkpoint: int | None = None
        self._next = 0

    def add(self, event: Event) -> None:
        """Take one more event, in the order in which they happened."""
        place, self._next = self._next, self._next + 1
        self._events[place] = event
        if is_picture(event):
            self._thin(type(event).__name__, place)
        if isinstance(event, Checkpointed):
            if self._checkpoint is not None:
                self._events[self._checkpoint] = without_weights(self._events[self._checkpoint])
            self._checkpoint = place

    def list(self) -> list[Event]:
        """What is kept, in order."""
        return list(self._events.values())

    def _thin(self, kind: str, place: int) -> None:
        newest = self._shown[kind]
        self._shown[kind] += 1
        places = self._pictures.setdefault(kind, {})
        places[newest] = place
        for number in places.keys() - kept(newest):
            del self._events[places.pop(number)]


def without_weights(event: Any) -> Checkpointed:
    """The mark that a checkpoint was made here, without what it holds."""
    return Checkpointed(step=event.step, tensors={}, state={})
