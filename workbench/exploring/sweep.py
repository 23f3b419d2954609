"""Carrying a study out: several trainings at once, nothing finished is ever repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache, partial

from workbench.accounting.ledger.lock import locked
from workbench.exploring.bayesian import Bayesian
from workbench.exploring.beginning import Beginning
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialBegun, TrialFailed, TrialLost, UnderWay
from workbench.exploring.found import (
    Found,
    check_same_data,
    explored_from,
    fingerprint_now,
    finished_trials,
)
from workbench.exploring.pace import Pace
from workbench.exploring.rows import rows
from workbench.exploring.scores import best_runs, check_metric
from workbench.exploring.search import Listed, Proposer
from workbench.exploring.study_file import remember, study_path
from workbench.exploring.trial import Trial
from workbench.runs.configs import config_key
from workbench.runs.events import Event, Finished, Started
from workbench.runs.fleet import Fleet, share
from workbench.runs.job import Job
from workbench.runs.jobs import workers
from workbench.runs.record import ALIVE, RunRecord
from workbench.runs.store import Store


class Sweep(Fleet[Trial]):
    """A study at work. Iterate :meth:`events`; the other methods may be called from any thread.

    Two processes that carry out the same study share its trainings: what one of them computes the
    other waits for.

    Args:
        config: the study.
        store: where its runs are, and where those of earlier sittings are found.
        at_once: trainings at the same time; ``None`` for as many as there are workers.
        scheduler: address of a Dask scheduler whose workers train, as for ``runs.jobs.start``.
            They read the data and this workspace under the same paths.

    Raises:
        BadInput: ``at_once`` is below 1.
    """

    def __init__(
        self,
        config: ExploreConfig,
        store: Store,
        *,
        at_once: int | None = None,
        scheduler: str | None = None,
    ) -> None:
        super().__init__(store, at_once, scheduler)
        self.config = config
        self.failures: list[TrialFailed] = []
        self._explored: list[Explored] = []
        self._left: Proposer = Listed(())
        self._elsewhere: dict[str, Trial] = {}
        self._pace = Pace()
        self._fingerprint: str | None = None
        # Reading all pictures takes a while, so it is done once.
        self._data_now = cache(partial(fingerprint_now, config.train))
        self._task_known = config.metric is None
        self._size = config.size
        self._seconds = 0.0
        first = config.pretraining
        self._beginning = None if first is None else Beginning(first, store, scheduler=scheduler)

    def events(self) -> Iterator[Event]:
        """Run what is not finished yet; closing the iterator stops the trainings at work.

        Yields:
            ``Started``; where there is a pre-training ``PretrainingBegun``, ``Progress`` and
            ``PretrainingDone``; for each training ``TrialBegun`` and an ``Explored`` or
            ``TrialFailed``, with a ``TrialLost`` between them where its worker died; ``UnderWay``
            in between; and ``Finished`` with the list of what was explored and the number of
            trainings left.

        Raises:
            BadInput: the data are not those that the study began with, the task lacks the metric,
                another version wrote the study down, or the scheduler does not answer or has other
                versions. Finished trainings stay as they are.
        """
        remember(self.config, self._store)
        workers(self._scheduler)  # a cluster that cannot be used is refused before anything else
        yield Started(facts={"study": self.config.study, "trials": self._size})
        try:
            if self._beginning is not None:
                self._data_now()  # what cannot be read is found out now, not minutes later
                yield from self._beginning.events(self._going)
            yield from self._take_up()
            yield from self._run()
        finally:
            self._stop()
        left = len(self._left) + len(self._elsewhere)
        yield Finished(result={"explored": rows(self._explored), "left": left})

    def _take_up(self) -> Iterator[Event]:
        """What earlier sittings have finished; the rest is left to do."""
        done = finished_trials(self.config, Found(self.config.study, self._store), self._weights)
        self._left = self._proposer({config_key(trial.config) for trial, _ in done})
        for trial, record in done:
            yield self._take(trial, record)
        if len(self._left) and self._explored:
            self._same_data(self._data_now())

    def _proposer(self, done: set[str]) -> Proposer:
        if self.config.search == "bayesian":
            return Bayesian(self.config)
        trials = [trial.begun_from(self._weights) for trial in self.config.trials()]
        return Listed(trial for trial in trials if config_key(trial.config) not in done)

    @property
    def _weights(self) -> str | None:
        return None if self._beginning is None else self._beginning.run

    def _run(self) -> Iterator[Event]:
        while self._jobs or (self._in_time and (len(self._left) or self._elsewhere)):
            yield from self._fill()
            began = time.monotonic()
            self._wait()
            if self._going.is_set():
                self._seconds += time.monotonic() - began
            self._check_task()
            yield from self._ended_here()
            yield from self._ended_elsewhere()
            yield self._under_way()

    def _at_work(self) -> list[Job]:
        first = None if self._beginning is None else self._beginning.job
        return super()._at_work() + ([] if first is None else [first])

    @property
    def _in_time(self) -> bool:
        return self.config.minutes is None or self._seconds < 60 * self.config.minutes

    def _fill(self) -> Iterator[Event]:
        while self._in_time and self._has_room:
            trial = self._left.ask()
            if trial is None:
                return
            event = self._begin(trial.begun_from(self._weights))
            if event is not None:
                yield event

    def _begin(self, trial: Trial) -> Event | None:
        """Begin a training, unless it is finished or at work in another process meanwhile."""
        with locked(study_path(self.config.study, self._store).with_suffix(".lock"), alone=True):
            found = Found(self.config.study, self._store)
            finished, other = found.finished(trial), found.at_work(trial)
            if finished is not None:
                return self._take(trial, finished)
            if other is not None:
                self._elsewhere[other.id] = trial
                return None
            job = self._start(
                trial,
                "workbench.training.loop:work",
                trial.config,
                kind="train",
                study=self.config.study,
            )
        return TrialBegun(
            epsilon=trial.epsilon, seed=trial.seed, run=job.run, choices=trial.choices
        )

    def _ended_here(self) -> Iterator[Event]:
        for job, trial, error in self._ended():
            if error is None:
                yield self._take(trial, self._store.record(job.run))
            else:
                yield self._without_result(job, trial, str(error))

    def _ended_elsewhere(self) -> Iterator[Event]:
        for run, trial in list(self._elsewhere.items()):
            record = self._store.record(run)
            if record.status in ALIVE:
                continue
            del self._elsewhere[run]
            if record.status == "finished":
                yield self._take(trial, record)
            else:
                self._left.again(trial)

    def _without_result(self, job: Job, trial: Trial, message: str) -> Event:
        place = {"epsilon": trial.epsilon, "seed": trial.seed, "choices": trial.choices}
        if self._worth_another(job, trial.config):
            self._left.again(trial)
            return TrialLost(run=job.run, message=message, **place)  # type: ignore[arg-type]
        failed = TrialFailed(run=job.run, message=message, **place)  # type: ignore[arg-type]
        self.failures.append(failed)
        return failed

    def _take(self, trial: Trial, record: RunRecord) -> Explored:
        self._same_data(record.fingerprint)
        one = explored_from(trial, record, self.config.metric)
        self._explored.append(one)
        self._pace.learn(trial.config, record)
        self._left.tell(one)
        return one

    def _same_data(self, fingerprint: str | None) -> None:
        check_same_data(self.config.study, self._fingerprint, fingerprint)
        self._fingerprint = self._fingerprint or fingerprint

    def _check_task(self) -> None:
        """As soon as a training knows its task, not when it is finished."""
        for job, _ in () if self._task_known else list(self._jobs.values()):
            for event in job.events:
                if isinstance(event, Started):
                    check_metric(self.config.metric, event.facts["task"])
                    self._task_known = True

    def _under_way(self) -> UnderWay:
        at_work = {run: (trial, share(job.progress)) for run, (job, trial) in self._jobs.items()}
        for run, trial in self._elsewhere.items():
            at_work[run] = (trial, share(self._store.record(run).progress))
        rest = [(trial.config, 1 - done) for trial, done in at_work.values()]
        known = list(self._left)
        rest += [(trial.config, 1.0) for trial in known]
        rest += [(self.config.train, 1.0)] * (len(self._left) - len(known))
        running = {run: done for run, (_, done) in at_work.items()}
        return UnderWay(
            done=len(self._explored) + len(self.failures) + sum(running.values()),
            total=self._size,
            running=running,
            best=tuple(one.run for one in best_runs(self._explored)),
            seconds_left=self._pace.seconds_left(rest, self._at_once),
        )
