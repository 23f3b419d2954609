"""The same attack under more and more noise: six jobs that the panel sees as one."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Reconstructing
from workbench.errors import BadInput
from workbench.panels.parts.model import Job
from workbench.runs.events import TERMINAL, Cancelled, Event, Failed, Finished, Started

RUNGS: Final[dict[str, float | None]] = {
    "no DP": None, "clipped": 0.0, "σ 0.001": 1e-3, "σ 0.01": 1e-2, "σ 0.1": 0.1,
    "σ 1": 1.0,
}  # fmt: skip
"""Titles and noise multipliers, from nothing to what a training would use."""

FLOOR: Final = len(RUNGS)
"""The place after them: the attack of the last one, made on its noise alone."""

FLOOR_TITLE: Final = "floor"

Begin = Callable[[AttackConfig], Job]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class InPlace(Event):
    """Something happened in one place of the row.

    Attributes:
        place: counted from 0.
        event: what the attack there said.
        done: places finished, with the finished shares of those at work.
        total: places in all.
    """

    place: int
    event: Event
    done: float
    total: float

    @property
    def progress(self) -> tuple[float, float]:
        return self.done, self.total


class NoiseRow:
    """Several attacks, a few at a time; to be treated like one job.

    Begins with the first subscriber. All methods may be called from any thread.

    Args:
        run: what the row is called.
        configs: one attack per place.
        begin: starts one attack in the background.
        at_once: attacks at the same time.
    """

    def __init__(
        self, run: str, configs: Sequence[AttackConfig], begin: Begin, *, at_once: int = 2
    ) -> None:
        self.run = run
        self._begin, self._at_once = begin, at_once
        self._waiting = deque(enumerate(configs))
        self._shares = [0.0] * len(configs)
        self._jobs: dict[int, Job] = {}
        self._callbacks: list[Callable[[Event], object]] = []
        self._lock = threading.RLock()
        self._paused = False
        self._end: Event | None = None
        self._over = False

    @property
    def status(self) -> str:
        """``"waiting"`` until one of the attacks has a worker."""
        with self._lock:
            if self._paused:
                return "paused"
            states = {job.status for job in self._jobs.values()}
            return "waiting" if states == {"waiting"} else "running"

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Have what happens from now on told to a function."""
        with self._lock:
            self._callbacks.append(callback)
            self._go_on()

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                self._callbacks.remove(callback)

        return unsubscribe

    def pause(self) -> None:
        """Let the attacks at work stand still; no further one begins."""
        with self._lock:
            self._paused = True
            for job in self._jobs.values():
                job.pause()

    def go_on(self) -> None:
        """Go on after a pause."""
        with self._lock:
            self._paused = False
            for job in self._jobs.values():
                job.go_on()
            self._go_on()

    def cancel(self) -> None:
        """Stop the attacks at work; no further one begins, finished ones stay."""
        self._give_up(Cancelled())

    def _go_on(self) -> None:
        while self._waiting and len(self._jobs) < self._at_once and not self._paused:
            place, config = self._waiting.popleft()
            try:
                job = self._jobs[place] = self._begin(config)
            except Exception as error:
                _LOG.exception("place %d of the row could not begin", place)
                field = error.field if isinstance(error, BadInput) else None
                return self._give_up(Failed(message=str(error), field=field))
            job.subscribe(partial(self._heard, place))
        return self._look_whether_over()

    def _give_up(self, end: Event) -> None:
        with self._lock:
            self._end = self._end or end
            self._waiting.clear()
            for job in list(self._jobs.values()):
                job.cancel()
            self._look_whether_over()

    def _look_whether_over(self) -> None:
        if not self._jobs and not self._waiting and not self._over:
            self._over = True
            self._tell(self._end or Finished(result={}))

    def _heard(self, place: int, event: Event) -> None:
        with self._lock:
            if isinstance(event, TERMINAL):
                self._jobs.pop(place, None)
            if isinstance(event, Finished):
                self._shares[place] = 1.0
            elif isinstance(event, Reconstructing):
                self._shares[place] = event.progress[0] / event.progress[1]
            self._tell(self._in_place(place, event))
            if isinstance(event, (Failed, Cancelled)):
                self._give_up(event)
            elif isinstance(event, Finished):
                self._go_on()

    def _in_place(self, place: int, event: Event) -> Event:
        if isinstance(event, Started) and sum(self._shares) == 0:
            self._tell(event)  # the row as a whole has a worker now
        return InPlace(place=place, event=event, done=sum(self._shares), total=len(self._shares))

    def _tell(self, event: Event) -> None:
        for callback in list(self._callbacks):
            callback(event)
