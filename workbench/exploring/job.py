"""A study at work in the background, with the face of any other job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Literal

from workbench.exploring.beginning import pretrained_run
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, UnderWay
from workbench.exploring.found import Found, explored_from, finished_trials
from workbench.exploring.sweep import Sweep
from workbench.runs.audience import Audience, Subscriber, tell
from workbench.runs.events import TERMINAL, Cancelled, Event, Progress
from workbench.runs.store import Store
from workbench.runs.work import ended_as, failure

_PASSING: Final = (UnderWay, Progress)
"""Events that only say how far it is."""

logger = logging.getLogger(__name__)


def finished_before(config: ExploreConfig, store: Store) -> list[Explored]:
    """What earlier sittings of this study have finished, in the order of its trials.

    Raises:
        BadInput: they were not measured by the study's metric.
    """
    begun = None if config.pretraining is None else pretrained_run(config.pretraining, store)
    if config.pretraining is not None and begun is None:
        return []
    done = finished_trials(config, Found(config.study, store), begun.id if begun else None)
    return [explored_from(trial, record, config.metric) for trial, record in done]


class SweepJob:
    """A sweep in a thread of this process, which is the one that may order trainings.

    Its trainings are recorded each by itself; the sweep adds no record of its own. All methods
    may be called from any thread and return at once.

    Args:
        config: the study.
        store: where its runs are recorded and those of earlier sittings found.
        at_once: trainings at the same time; ``None`` for as many as there are workers.
        scheduler: as for :class:`Sweep`.
    """

    def __init__(
        self,
        config: ExploreConfig,
        store: Store,
        *,
        at_once: int | None = None,
        scheduler: str | None = None,
    ) -> None:
        self.run = config.study
        self.status: Literal["running", "paused", "finished", "failed", "cancelled"] = "running"
        self._sweep = Sweep(config, store, at_once=at_once, scheduler=scheduler)
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._audience = Audience(self._lock, lambda: self._events)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"job {self.run}", daemon=True)
        self._thread.start()

    @property
    def events(self) -> list[Event]:
        """The events so far; of those that only say how far it is, the newest."""
        with self._lock:
            return list(self._events)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Have every event told to a function: those so far at once, the others as they come.

        Returns:
            A function that ends the subscription.
        """
        return self._audience.join(callback)

    def pause(self) -> None:
        """Let the trainings at work stand still after their current step."""
        with self._lock:
            if self.status == "running":
                self._sweep.pause()
                self.status = "paused"

    def go_on(self) -> None:
        """Go on after a pause."""
        with self._lock:
            if self.status == "paused":
                self._sweep.go_on()
                self.status = "running"

    def cancel(self) -> None:
        """Stop the trainings at work; finished ones are kept and not repeated later."""
        self._stopping.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the study has ended."""
        self._thread.join(timeout)

    def _work(self) -> None:
        steps = self._sweep.events()
        try:
            for event in steps:
                self._say(event)
                if self._stopping.is_set():
                    break
            steps.close()  # type: ignore[attr-defined]  # it is a generator: this stops the runs
        except Exception as error:
            logger.exception("study %s failed", self.run)
            self._say(failure(error))
        if not self._events or not isinstance(self._events[-1], TERMINAL):
            self._say(Cancelled())

    def _say(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, _PASSING):
                if self._events[-1:] == [event]:
                    return
                self._events = [one for one in self._events if not isinstance(one, _PASSING)]
            self._events.append(event)
            if isinstance(event, TERMINAL):
                self.status = ended_as(event)
            tell(self._audience.now(), [event])
