"""Carries a job's events into a panel at a pace that the page can follow.

Above some hundred messages a second the notebook server drops messages without a word, the last
one too, and the page says "running" for ever. So events are handed on in batches, ten a second at
most, and when all is over the final state is sent once more after the server's window of three
seconds has passed.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar, overload

from workbench.runs.events import TERMINAL, Checkpointed, Event

_END: Final = object()

E = TypeVar("E", bound=Event)


class Source(Protocol):
    """Anything that hands on events: a job."""

    def subscribe(self, callback: Callable[[Event], object], /) -> Callable[[], None]: ...


class Batch(Sequence[Event]):
    """Events that arrived together, in order, the terminal one last; checkpoints left out.

    Args:
        events: as they arrived.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        useful = [event for event in events if not isinstance(event, Checkpointed)]
        self._events = sorted(useful, key=lambda event: isinstance(event, TERMINAL))

    def all(self, kind: type[E]) -> list[E]:
        """Every event of a kind: for curves, which miss no point."""
        return [event for event in self._events if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E | None:
        """The newest event of a kind, or ``None``: for pictures, of which the last one wins."""
        return next(reversed(self.all(kind)), None)

    @property
    def over(self) -> bool:
        """Whether the work has ended with this batch."""
        return bool(self._events) and isinstance(self._events[-1], TERMINAL)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)


class Pump:
    """One thread between one job and one panel.

    Args:
        job: where the events come from.
        apply: takes a batch; called from the pump's thread, never twice at once.
        resend: called once, ``resend_after_s`` after the terminal event.
        hz: batches a second at most.
        resend_after_s: longer than the notebook server's window of three seconds.
    """

    def __init__(
        self,
        job: Source,
        apply: Callable[[Batch], None],
        resend: Callable[[], None],
        *,
        hz: float = 10.0,
        resend_after_s: float = 4.0,
    ) -> None:
        self._job = job
        self._apply = apply
        self._resend = resend
        self._pause = 1.0 / hz
        self._resend_after_s = resend_after_s
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="panel pump", daemon=True)

    def start(self) -> None:
        """Listen to the job and begin to hand on its events."""
        self._unsubscribe = self._job.subscribe(self._queue.put)
        self._thread.start()

    def close(self) -> None:
        """Hand on nothing any more."""
        self._closed.set()
        self._unsubscribe()
        self._queue.put(_END)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the last batch is handed on and sent again."""
        self._thread.join(timeout)

    def _run(self) -> None:
        over = False
        while not over and not self._closed.is_set():
            began = time.monotonic()
            batch = self._drain()
            over = batch.over
            if batch and not self._closed.is_set():
                self._apply(batch)
            if not over:
                self._closed.wait(max(0.0, self._pause - (time.monotonic() - began)))
        if not self._closed.wait(self._resend_after_s):
            self._resend()

    def _drain(self) -> Batch:
        """Everything that has arrived; waits for the first."""
        batch = [self._queue.get()]
        while not self._queue.empty():
            batch.append(self._queue.get())
        return Batch([event for event in batch if event is not _END])
