"""An attack on membership from beginning to end: train what is missing, then attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.auditing.membership.config import MembershipConfig
from workbench.auditing.membership.models import finished, study_of, trainings_of
from workbench.errors import BadInput, WorkbenchError
from workbench.runs.events import Event, Finished, Progress, Started, from_json
from workbench.runs.fleet import Fleet, share
from workbench.runs.record import ALIVE
from workbench.runs.store import Store
from workbench.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class ModelTrained(Event):
    """A network that the attack needs is there, now or from an earlier sitting.

    Attributes:
        number: 0 for the target, then its references from 1.
        run: its id in the store.
    """

    number: int
    run: str


class MembershipAudit(Fleet[int]):
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
        super().__init__(store, at_once, scheduler)
        self.config = config

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
            self._stop()

    def _train(self, trainings: list[TrainConfig], study: str) -> Iterator[Event]:
        known = finished(self.config, self._store)
        for number, record in enumerate(known):
            if record is not None:
                yield ModelTrained(number=number, run=record.id)
        left = [number for number, record in enumerate(known) if record is None]
        while left or self._jobs:
            while left and self._has_room:
                number = left.pop(0)
                work = "workbench.training.loop:work"
                self._start(number, work, trainings[number], kind="train", study=study)
            self._wait()
            for job, number, error in self._ended():
                if error is None:
                    yield ModelTrained(number=number, run=job.run)
                elif self._worth_another(job, trainings[number]):
                    left.insert(0, number)
                else:
                    raise _unfinished(number, error)
            shares = sum(share(job.progress) for job in self._at_work())
            yield Progress(
                done=len(trainings) - len(left) - len(self._jobs) + shares,
                total=len(trainings),
                doing="training the target and its references",
            )

    def _attack(self, study: str) -> Iterator[Event]:
        work = "workbench.auditing.membership.membership:work"
        job = self._start(0, work, self.config, kind="membership", study=study)
        told = 0
        while True:
            ended = job.status not in ALIVE
            events = [event for event in job.events if not isinstance(event, Finished)]
            yield from events[told:]
            told = len(events)
            if ended:
                break
            self._wait()
        job.result(timeout=5)
        yield job.events[-1]


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


def _unfinished(number: int, error: WorkbenchError) -> WorkbenchError:
    which = f"reference {number}" if number else "the target"
    kind = BadInput if isinstance(error, BadInput) else WorkbenchError
    return kind(f"Training {which} could not be finished: {error}")
