"""Work that takes too long for a callback, and of which only the newest order matters."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any, Final

Work = Callable[[], object]

_LOOK_SECONDS: Final = 1.0


class Latest:
    """A background thread that does one piece of work at a time and skips what is out of date.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._next: Work | None = None
        self._idle = threading.Event()
        self._idle.set()

    @property
    def superseded(self) -> bool:
        """Whether newer work waits; long work looks here between its parts and gives up."""
        return self._next is not None

    def ask(self, work: Work) -> None:
        """Do this next, in place of what was asked for and has not begun; returns at once.

        Args:
            work: wrap it in the model's ``guard``.
        """
        with self._lock:
            self._next = work
            if self._idle.is_set():
                self._idle.clear()
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until nothing is asked for any more; whether that came in time."""
        return self._idle.wait(timeout)

    def _run(self) -> None:
        failed: Exception | None = None
        while (work := self._take()) is not None:
            try:
                work()
            except Exception as error:
                failed = error  # what was asked for meanwhile is done before anybody hears of it
        if failed is not None:
            raise failed

    def _take(self) -> Work | None:
        with self._lock:
            work, self._next = self._next, None
            if work is None:
                self._idle.set()
            return work


class Watch:
    """Has somebody look once a second, until they are gone or it is closed.

    Args:
        look: a method; it does not keep its object alive. Cheap, and wrapped against exceptions.
        seconds: between two looks.
    """

    def __init__(self, look: Callable[[], Any], *, seconds: float = _LOOK_SECONDS) -> None:
        assert isinstance(look, MethodType)
        self._look = weakref.WeakMethod(look)
        self._seconds = seconds
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="panel watch", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            look = self._look()
            if look is None:
                return
            look()
            del look  # or the thread would keep the object alive while it waits
