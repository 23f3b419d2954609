"""One run at work in the background, seen from the process that ordered it."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

from workbench.runs.attempt import Attempt
from workbench.runs.audience import Audience, tell
from workbench.runs.crew import Crew
from workbench.runs.events import (
    TERMINAL,
    Cancelled,
    Event,
    Message,
    Progress,
    from_message,
)
from workbench.runs.files import DiskFull
from workbench.runs.film import History
from workbench.runs.store import Store
from workbench.runs.work import ended_as, failure, outcome
from workbench.runs.worker import Order

JobStatus = Literal["waiting", "running", "paused", "finished", "failed", "cancelled"]

#: Seconds that a worker has to answer before it is killed.
PATIENCE = 3.0
#: Seconds between two attempts to write on a full disk.
RETRY = 2.0

logger = logging.getLogger(__name__)


class Job:
    """A run at work. Its events are recorded first and told to subscribers then.

    All methods may be called from any thread and return at once, except :meth:`result`.

    Args:
        work: import path of what it does.
        config: of the run, as values.
        attempt: which run this is, and where it goes on.
        store: that records it; this process is the run's only writer.
        crew: whose workers compute it; ``None`` where the caller computes (``where="inline"``).
        ended: called with the job when it has ended.
    """

    def __init__(
        self,
        work: str,
        config: dict[str, Any],
        attempt: Attempt,
        *,
        store: Store,
        crew: Crew | None,
        ended: Callable[[Job], None] = lambda job: None,
    ) -> None:
        self.run = attempt.run
        self.token = uuid.uuid4().hex
        self._work, self._config, self._attempt = work, config, attempt
        self._store, self._crew, self._ended = store, crew, ended
        self._lock = threading.RLock()
        self._status: JobStatus = "running" if crew is None else "waiting"
        self._message = ""
        self._progress: tuple[float, float] | None = None
        self._history = History()
        self._audience = Audience(self._lock, self._history.list)
        self._wishes: tuple[int, str] = (0, "go")
        self._inbox: queue.SimpleQueue[list[Message] | Event] = queue.SimpleQueue()
        self._end: Event | None = None
        self._done = threading.Event()
        self._pumping = False
        self._stopping = threading.Event()

    def __repr__(self) -> str:
        return f"<Job {self.run}: {self.status}>"

    @property
    def status(self) -> JobStatus:
        """Where the job stands; ``"waiting"`` for a free worker at first."""
        return self._status

    @property
    def message(self) -> str:
        """One sentence about a trouble or an ending, empty where there is nothing to say."""
        return self._message

    @property
    def progress(self) -> tuple[float, float] | None:
        """``(done, total)`` as last stated."""
        return self._progress

    @property
    def events(self) -> list[Event]:
        """The events so far: all scalars, thinned pictures, weights of the last checkpoint."""
        with self._lock:
            return self._history.list()

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Have every event told to a function: those so far at once, the others as they come.

        The function sees each event once and in order. Later events come from a thread of the job;
        an error in the function is logged and stops nobody else.

        Returns:
            A function that ends the subscription.
        """
        return self._audience.join(callback)

    def pause(self) -> None:
        """Stand still after the current step, until :meth:`go_on`."""
        self._want("pause", "running", "paused")

    def go_on(self) -> None:
        """Go on after a pause."""
        self._want("go", "paused", "running")

    def cancel(self) -> None:
        """Stop after the current step; what was computed is kept.

        A worker that does not answer within three seconds is killed and replaced.
        """
        with self._lock:
            if self._end is not None or self._stopping.is_set():
                return
            self._stopping.set()
            self._wish("stop")
        if self._crew is not None:
            timer = threading.Timer(PATIENCE, self._give_up)
            timer.daemon = True
            timer.start()

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the result.

        Args:
            timeout: seconds to wait; ``None`` waits for ever.

        Raises:
            TimeoutError: the job is still at work; it goes on.
            BadInput: the work refused its input.
            WorkbenchError: the job failed otherwise, or was stopped.
        """
        if not self._done.wait(timeout) or self._end is None:
            raise TimeoutError(f"Run {self.run} is still {self.status} after {timeout:g} s.")
        return outcome(self._end)

    def tell(self, events: Sequence[Event]) -> None:
        """Take recorded events: remember them and tell the subscribers."""
        with self._lock:
            for event in events:
                self._history.add(event)
                self._progress = event.progress or self._progress
                if isinstance(event, TERMINAL):
                    self._finish(event)
            subscribers = self._audience.now()
        tell(subscribers, events)

    # What the crew asks and says, from its own thread.

    def order(self, topic: str) -> Order:
        """The order to give to a worker."""
        return Order.write(self.token, topic, self._work, self._config, self._attempt)

    def wish(self) -> tuple[int, str]:
        """The newest wish and its number."""
        return self._wishes

    def assigned(self) -> None:
        """A worker is about to get the order; what an earlier attempt still says does not count."""
        with self._lock:
            self.token = uuid.uuid4().hex
            paused = self._wishes[1] == "pause"
            self._status = "paused" if paused else "running"
        self._mark(self._status)
        self._start_pump()

    def received(self, messages: list[Message]) -> None:
        """The worker has sent messages."""
        self._inbox.put(messages)

    def lost(self, end: Event) -> None:
        """No more messages will come; ``end`` says why."""
        if self._stopping.is_set() and not isinstance(end, Cancelled):
            end = Cancelled(message="stopped; the worker did not answer and was replaced")
        self._inbox.put(end)
        if self._status == "waiting":
            self._start_pump()

    # The pump: the one thread that records this job.

    def _start_pump(self) -> None:
        if not self._pumping:
            self._pumping = True
            threading.Thread(target=self._pump, name=f"job {self.run}", daemon=True).start()

    def _pump(self) -> None:
        while not self._done.is_set():
            try:
                events = self._next()
                self._record(events)
            except Exception as error:
                logger.exception("run %s cannot be recorded", self.run)
                events = [failure(error)]
                self._wish("stop")
                with suppress(Exception):
                    self._store.append_all(self.run, events)
            self.tell(events)

    def _next(self) -> list[Event]:
        """Wait for what comes next; nothing counts after the end."""
        item = self._inbox.get()
        events = [item] if isinstance(item, Event) else [from_message(one) for one in item]
        last = next((i for i, event in enumerate(events) if isinstance(event, TERMINAL)), None)
        return events if last is None else events[: last + 1]

    def _record(self, events: Sequence[Event]) -> None:
        """Write events down; on a full disk hold the work, and go on when there is room again."""
        held = False
        while True:
            try:
                self._store.append_all(self.run, events)
                break
            except DiskFull as full:
                if not held:
                    held = True
                    self._hold(str(full))
                if self._stopping.wait(RETRY):
                    return
        if held:
            self._message = ""
            self.go_on()

    def _hold(self, sentence: str) -> None:
        logger.warning("%s", sentence)
        self._message = sentence
        self.pause()
        done, total = self._progress or (0.0, 1.0)
        # Told and not recorded: there is no room to write it down.
        self.tell([Progress(done=done, total=total, doing=sentence)])

    def _finish(self, event: Event) -> None:
        self._end = event
        self._status = ended_as(event)
        self._message = getattr(event, "message", "")
        self._done.set()
        if self._crew is not None:
            self._crew.release(self)
        self._ended(self)

    def _want(self, wish: str, before: JobStatus, after: JobStatus) -> None:
        with self._lock:
            if self._end is not None or self._stopping.is_set():
                return
            self._wish(wish)
            if self._status == before:
                self._status = after
        self._mark(self._status)

    def _wish(self, wish: str) -> None:
        with self._lock:
            self._wishes = (self._wishes[0] + 1, wish)
        if self._crew is not None:
            self._crew.tell(self)

    def _mark(self, status: JobStatus) -> None:
        if status in ("waiting", "running", "paused"):
            with suppress(DiskFull):
                self._store.mark(self.run, status)

    def _give_up(self) -> None:
        if not self._done.is_set() and self._crew is not None:
            self._crew.replace(self)
