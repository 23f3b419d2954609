"""Carrying a study out: several trainings at once, nothing finished is ever repeated."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from workbench.errors import WorkbenchError
from workbench.exploring.config import ExploreConfig, Trial
from workbench.exploring.events import Explored, TrialFailed, UnderWay
from workbench.runs.configs import config_key, config_to_json
from workbench.runs.events import Event, Finished, Started
from workbench.runs.job import Job
from workbench.runs.jobs import start
from workbench.runs.record import RunRecord
from workbench.runs.store import Store
from workbench.training.events import MAIN_SCORE

_LOOK_SECONDS = 0.25


class Sweep:
    """A study at work. Iterate :meth:`events`; the other methods may be called from any thread.

    Args:
        config: the study.
        store: where its runs are, and where those of earlier sittings are found.
        at_once: trainings at the same time.
    """

    def __init__(self, config: ExploreConfig, store: Store, *, at_once: int = 2) -> None:
        self.config = config
        self._store = store
        self._at_once = at_once
        self.failures: list[TrialFailed] = []
        self._jobs: dict[str, tuple[Job, Trial]] = {}
        self._going = threading.Event()
        self._going.set()

    def pause(self) -> None:
        """Let the trainings stand still; no further one begins."""
        self._going.clear()
        for job, _ in list(self._jobs.values()):
            job.pause()

    def go_on(self) -> None:
        """Go on after a pause."""
        self._going.set()
        for job, _ in list(self._jobs.values()):
            job.go_on()

    def events(self) -> Iterator[Event]:
        """Run what is not finished yet; closing the iterator stops the trainings at work.

        Yields:
            ``Started``, an ``Explored`` or ``TrialFailed`` for each training, ``UnderWay`` in
            between, and ``Finished`` with the list of what was explored.
        """
        trials = self.config.trials()
        yield Started(facts={"study": self.config.study, "trials": len(trials)})
        explored: list[Explored] = []
        waiting: list[Trial] = []
        for trial in trials:
            record = self._store.finished(self.config.study, config_key(trial.config))
            if record is None:
                waiting.append(trial)
            else:
                explored.append(explored_from(trial, record))
                yield explored[-1]
        try:
            yield from self._run(waiting, explored, len(trials))
        finally:
            for job, _ in list(self._jobs.values()):
                job.cancel()
        yield Finished(result={"explored": [_row(one) for one in _in_order(explored)]})

    def _run(self, waiting: list[Trial], explored: list[Explored], total: int) -> Iterator[Event]:
        while waiting or self._jobs:
            while waiting and len(self._jobs) < self._at_once and self._going.is_set():
                self._begin(waiting.pop(0))
            time.sleep(_LOOK_SECONDS)
            for event in self._ended():
                if isinstance(event, Explored):
                    explored.append(event)
                else:
                    self.failures.append(event)
                yield event
            shares = {run: _share(job) for run, (job, _) in self._jobs.items()}
            done = len(explored) + len(self.failures) + sum(shares.values())
            yield UnderWay(done=done, total=total, running=shares)

    def _begin(self, trial: Trial) -> None:
        job = start(
            "workbench.training.loop:work",
            config_to_json(trial.config),
            kind="train",
            store=self._store,
            study=self.config.study,
        )
        self._jobs[job.run] = (job, trial)

    def _ended(self) -> Iterator[Explored | TrialFailed]:
        for run, (job, trial) in list(self._jobs.items()):
            if job.status in ("finished", "failed", "cancelled"):
                del self._jobs[run]
                try:
                    job.result(timeout=5)
                    yield explored_from(trial, self._store.record(run))
                except WorkbenchError as error:
                    yield TrialFailed(
                        epsilon=trial.epsilon, seed=trial.seed, run=run, message=str(error)
                    )


def explored_from(trial: Trial, record: RunRecord) -> Explored:
    """What a finished run says about its place in the study."""
    result: dict[str, Any] = record.result or {}
    name = next(name for name in MAIN_SCORE.values() if name in result)
    return Explored(
        epsilon=trial.epsilon,
        seed=trial.seed,
        run=record.id,
        score=result[name],
        score_name=name,
        noise_multiplier=result["noise_multiplier"],
        guarantee=result["guarantee"],
    )


def _in_order(explored: list[Explored]) -> list[Explored]:
    return sorted(explored, key=lambda one: (one.epsilon, one.seed))


def _row(one: Explored) -> dict[str, Any]:
    return {
        "epsilon": one.epsilon,
        "seed": one.seed,
        one.score_name: one.score,
        "noise_multiplier": one.noise_multiplier,
        "run": one.run,
        "guarantee": one.guarantee,
    }


def _share(job: Job) -> float:
    if job.progress is None:
        return 0.0
    done, total = job.progress
    return done / total if total else 0.0
