"""What a study's trainings begin from: a pre-training that is run once and found again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Final

from workbench.accounting.ledger.lock import locked
from workbench.errors import BadInput, WorkbenchError
from workbench.exploring.events import PretrainingBegun, PretrainingDone
from workbench.exploring.scores import score_of
from workbench.runs.configs import config_key, config_to_json, values_key
from workbench.runs.crew import DEATH, ENDED
from workbench.runs.events import Event, Progress
from workbench.runs.job import Job
from workbench.runs.jobs import start
from workbench.runs.record import ALIVE, RunRecord
from workbench.runs.store import Store
from workbench.training.config import TrainConfig

DOING: Final = "training on phantoms first"

_ATTEMPTS = 3
_LOOK_SECONDS = 0.25


def pretrained_run(pretraining: TrainConfig, store: Store) -> RunRecord | None:
    """The finished run of this workspace that has these settings; of several the oldest.

    The oldest, so that a study begins from the same weights in every sitting.
    """
    finished = [
        record
        for record in _same(pretraining, store)
        if record.status == "finished" and (record.folder / "checkpoint.safetensors").exists()
    ]
    return min(finished, key=lambda record: record.finished or record.created, default=None)


class Beginning:
    """The pre-training at work, unless it is finished already.

    Args:
        pretraining: its settings.
        store: where it is looked for and recorded.
        scheduler: as for ``runs.jobs.start``.

    Attributes:
        run: id of the finished run, once :meth:`events` has come to its end.
        job: at work in this process, for whoever wants to pause or stop it.
    """

    def __init__(
        self, pretraining: TrainConfig, store: Store, *, scheduler: str | None = None
    ) -> None:
        self._pretraining, self._store, self._scheduler = pretraining, store, scheduler
        self.run: str | None = None
        self.job: Job | None = None

    def events(self, going: threading.Event) -> Iterator[Event]:
        """Find the run, wait for another process that computes it, or compute it.

        Args:
            going: not set while nothing shall begin.

        Yields:
            ``PretrainingBegun`` and ``Progress`` where it is not finished yet; then
            ``PretrainingDone``.

        Raises:
            BadInput: the settings do not fit together.
            WorkbenchError: the training failed or was stopped, or every worker dies of it.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            while not going.is_set():
                time.sleep(_LOOK_SECONDS)
            found, job = self._found_or_begun()
            if job is not None:
                if not going.is_set():  # paused while it was ordered
                    job.pause()
                yield PretrainingBegun(run=found.id)
            yield from self._until_ended(found.id)
            if job is not None:
                self._check(job, last=attempt == _ATTEMPTS)
            done = pretrained_run(self._pretraining, self._store)
            if done is not None:
                self.run = done.id
                name, score = score_of(done.result or {})
                yield PretrainingDone(run=done.id, score=score, score_name=name)
                return
        raise WorkbenchError("The pre-training was stopped elsewhere; start again to repeat it.")

    def _found_or_begun(self) -> tuple[RunRecord, Job | None]:
        """The run that is finished or at work somewhere; else a new one, begun here."""
        name = f"pretraining-{config_key(self._pretraining)}.lock"
        with locked(self._store.root / "studies" / name, alone=True):
            known = pretrained_run(self._pretraining, self._store) or next(
                (one for one in _same(self._pretraining, self._store) if one.status in ALIVE), None
            )
            if known is not None:
                return known, None
            self.job = start(
                "workbench.training.loop:work",
                config_to_json(self._pretraining),
                kind="train",
                store=self._store,
                scheduler=self._scheduler,
            )
        return self._store.record(self.job.run), self.job

    def _until_ended(self, run: str) -> Iterator[Event]:
        while True:
            record = self._store.record(run)
            done, total = record.progress or (0.0, float(self._pretraining.steps))
            if record.status not in ALIVE:
                return
            yield Progress(done=done, total=total, doing=DOING)
            time.sleep(_LOOK_SECONDS)

    def _check(self, job: Job, *, last: bool) -> None:
        """Say why it has no result; a worker that died may be tried again."""
        self.job = None
        try:
            job.result(timeout=5)
        except WorkbenchError as error:
            if job.message in (DEATH.message, ENDED) and not last:
                return
            kind = BadInput if isinstance(error, BadInput) else WorkbenchError
            raise kind(f"The pre-training could not be finished: {error}") from None


def _same(pretraining: TrainConfig, store: Store) -> list[RunRecord]:
    key = config_key(pretraining)
    return [record for record in store.list("train") if values_key(record.config) == key]
