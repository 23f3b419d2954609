"""Several jobs at once for one question: paused and stopped together, repeated when lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

from workbench.errors import WorkbenchError, check_range
from workbench.runs.configs import config_key, config_to_json
from workbench.runs.crew import DEATH, ENDED
from workbench.runs.job import Job
from workbench.runs.jobs import start, workers
from workbench.runs.record import ALIVE
from workbench.runs.store import Store

P = TypeVar("P")

ATTEMPTS: Final = 3
"""A job whose worker dies every time, as when the memory is too small, is given up."""

_LOOK_SECONDS = 0.25


class Fleet(Generic[P]):
    """Base of what has jobs at work, each for a part of one question.

    Args:
        store: where the runs are recorded.
        at_once: jobs at the same time; ``None`` for as many as there are workers.
        scheduler: as for ``runs.jobs.start``.

    Raises:
        BadInput: ``at_once`` is below 1.
    """

    def __init__(self, store: Store, at_once: int | None, scheduler: str | None) -> None:
        if at_once is not None:
            check_range("at_once", at_once, "[1, inf)")
        self._store, self._most, self._scheduler = store, at_once, scheduler
        self._jobs: dict[str, tuple[Job, P]] = {}
        self._begun: Counter[str] = Counter()
        self._going = threading.Event()
        self._going.set()

    def pause(self) -> None:
        """Let what is at work stand still; nothing further begins."""
        self._going.clear()
        for job in self._at_work():
            job.pause()

    def go_on(self) -> None:
        """Go on after a pause."""
        self._going.set()
        for job in self._at_work():
            job.go_on()

    def _stop(self) -> None:
        for job in self._at_work():
            job.cancel()

    def _at_work(self) -> list[Job]:
        return [job for job, _ in list(self._jobs.values())]

    @property
    def _at_once(self) -> int:
        return self._most or max(1, workers(self._scheduler))

    @property
    def _has_room(self) -> bool:
        return self._going.is_set() and len(self._jobs) < self._at_once

    def _start(self, part: P, work: str, config: Any, *, kind: str, study: str) -> Job:
        job = start(
            work,
            config_to_json(config),
            kind=kind,
            store=self._store,
            study=study,
            scheduler=self._scheduler,
        )
        self._begun[config_key(config)] += 1
        self._jobs[job.run] = (job, part)
        if not self._going.is_set():  # paused while it was ordered
            job.pause()
        return job

    def _wait(self) -> None:
        time.sleep(_LOOK_SECONDS)

    def _ended(self) -> Iterator[tuple[Job, P, WorkbenchError | None]]:
        """What has ended since the last look; with an error where there is no result."""
        for run, (job, part) in list(self._jobs.items()):
            if job.status in ALIVE:
                continue
            del self._jobs[run]
            try:
                job.result(timeout=5)
            except WorkbenchError as error:
                yield job, part, error
            else:
                yield job, part, None

    def _worth_another(self, job: Job, config: Any) -> bool:
        """Whether its worker died, and has not done so every time."""
        return job.message in (DEATH.message, ENDED) and self._begun[config_key(config)] < ATTEMPTS


def share(progress: tuple[float, float] | None) -> float:
    """How much is done, in [0, 1], of ``(done, total)`` as a job or its record states it."""
    done, total = progress or (0.0, 0.0)
    return done / total if total else 0.0
