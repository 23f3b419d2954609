"""An attack on membership from beginning to end: train what is missing, then attack."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from workbench.auditing.membership.config import MembershipConfig
from workbench.auditing.membership.models import finished, study_of, trainings_of
from workbench.errors import BadInput, WorkbenchError, check_range
from workbench.runs.configs import config_to_json
from workbench.runs.crew import DEATH, ENDED
from workbench.runs.events import Event, Finished, Progress, Started, from_json
from workbench.runs.job import Job
from workbench.runs.jobs import start, workers
from workbench.runs.store import Store
from workbench.training.config import TrainConfig

ATTEMPTS: Final = 3
"""A training whose worker dies every time is given up."""

_WORKS = {
    "train": "workbench.training.loop:work",
    "membership": "workbench.auditing.membership.membership:work",
}
_LOOK_SECONDS = 0.25
_ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class ModelTrained(Event):
    """A network that the attack needs is there, now or from an earlier sitting.

    Attributes:
        number: 0 for the target, then its references from 1.
        run: its id in the store.
    """

    number: int
    run: str


class MembershipAudit:
    """An attack at work. Iterate :meth:`events`; other methods may be called from any thread.

    Target and references are trained as jobs, several at once, and each is a run of its own:
    charged, recorded, and never repeated once it has finished. The attack itself is another run,
    of kind ``"membership"``.

    Args:
        config: the attack.
        store: where its runs are, and where those of earlier sittings are found.
        at_once: trainings at the same time; ``None`` for as many as there are workers.
        scheduler: as for ``runs.jobs.start``.

    Raises:
        BadInput: ``at_once`` is below 1.
    """

    def __init__(
        self,
        config: MembershipConfig,
        store: Store,
        *,
        at_once: int | None = None,
        scheduler: str | None = None,
    ) -> None:
        if at_once is not None:
            check_range("at_once", at_once, "[1, inf)")
        self.config = config
        self._store, self._most, self._scheduler = store, at_once, scheduler
        self._jobs: dict[int, Job] = {}
        self._begun: Counter[int] = Counter()
        self._going = threading.Event()
        self._going.set()

    def pause(self) -> None:
        """Let what is at work stand still; nothing further begins."""
        self._going.clear()
        for job in list(self._jobs.values()):
            job.pause()

    def go_on(self) -> None:
        """Go on after a pause."""
        self._going.set()
        for job in list(self._jobs.values()):
            job.go_on()

    def events(self) -> Iterator[Event]:
        """Train what is not there yet, then attack; closing the iterator stops what is at work.

        Yields:
            ``Started``; a ``ModelTrained`` for each network, with ``Progress`` between them; then
            what ``membership.infer`` yields, the last one ``Finished``.

        Raises:
            BadInput: the settings do not fit together, or a budget has no room for a training.
            WorkbenchError: a training failed otherwise.
        """
        trainings = trainings_of(self.config, self._store)
        study = study_of(trainings[0])
        yield Started(facts={"study": study, "trainings": len(trainings)})
        try:
            yield from self._train(trainings, study)
            yield from self._attack(study)
        finally:
            for job in list(self._jobs.values()):
                job.cancel()

    def _train(self, trainings: list[TrainConfig], study: str) -> Iterator[Event]:
        known = finished(self.config, self._store)
        for number, record in enumerate(known):
            if record is not None:
                yield ModelTrained(number=number, run=record.id)
        left = [number for number, record in enumerate(known) if record is None]
        at_once = (self._most or max(1, workers(self._scheduler))) if left else 0
        while left or self._jobs:
            while left and self._going.is_set() and len(self._jobs) < at_once:
                number = left.pop(0)
                self._begun[number] += 1
                self._begin(number, "train", study, trainings[number])
            time.sleep(_LOOK_SECONDS)
            for number, job in list(self._jobs.items()):
                if job.status not in _ENDED:
                    continue
                del self._jobs[number]
                if self._lost(number, job):
                    left.insert(0, number)
                else:
                    yield ModelTrained(number=number, run=job.run)
            shares = sum(_share(job) for job in self._jobs.values())
            yield Progress(
                done=len(trainings) - len(left) - len(self._jobs) + shares,
                total=len(trainings),
                doing="training the target and its references",
            )

    def _attack(self, study: str) -> Iterator[Event]:
        job = self._begin(0, "membership", study, self.config)
        told = 0
        while True:
            ended = job.status in _ENDED
            events = [event for event in job.events if not isinstance(event, Finished)]
            yield from events[told:]
            told = len(events)
            if ended:
                break
            time.sleep(_LOOK_SECONDS)
        del self._jobs[0]
        job.result(timeout=5)
        yield job.events[-1]

    def _begin(self, number: int, kind: str, study: str, config: Any) -> Job:
        job = self._jobs[number] = start(
            _WORKS[kind],
            config_to_json(config),
            kind=kind,
            store=self._store,
            study=study,
            scheduler=self._scheduler,
        )
        if not self._going.is_set():  # paused while it was ordered
            job.pause()
        return job

    def _lost(self, number: int, job: Job) -> bool:
        """Whether its worker died and it is worth another try; raises what else went wrong."""
        try:
            job.result(timeout=5)
        except WorkbenchError as error:
            if job.message in (DEATH.message, ENDED) and self._begun[number] < ATTEMPTS:
                return True
            which = f"reference {number}" if number else "the target"
            kind = BadInput if isinstance(error, BadInput) else WorkbenchError
            raise kind(f"Training {which} could not be finished: {error}") from None
        return False


def membership_report(
    config: MembershipConfig,
    store: Store,
    *,
    at_once: int | None = None,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Carry an attack out to its end, without telling anything on the way.

    Args:
        config: the attack.
        store: as for :class:`MembershipAudit`.
        at_once: as for :class:`MembershipAudit`.
        scheduler: as for :class:`MembershipAudit`.

    Returns:
        The result of ``report.report``; an epsilon without bound is infinity.

    Raises:
        BadInput: as :meth:`MembershipAudit.events`.
        WorkbenchError: as :meth:`MembershipAudit.events`.
    """
    audit = MembershipAudit(config, store, at_once=at_once, scheduler=scheduler)
    *_, last = audit.events()
    assert isinstance(last, Finished)
    found: dict[str, Any] = from_json(last.result)
    return found


def _share(job: Job) -> float:
    done, total = job.progress or (0.0, 0.0)
    return done / total if total else 0.0
