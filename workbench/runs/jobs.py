"""Starting work in the background, and finding it again."""

from __future__ import annotations

import atexit
import os
import threading
from typing import Any, Literal

from workbench.errors import BadInput
from workbench.runs.attempt import Attempt
from workbench.runs.cluster import WORKERS
from workbench.runs.crew import Crew
from workbench.runs.events import to_json
from workbench.runs.inline import drive
from workbench.runs.job import Job
from workbench.runs.store import Store

#: What takes seconds to import and nearly every work needs.
HEAVY = ("torch", "opacus", "safetensors.torch")

_crews: dict[str | None, Crew] = {}
_jobs: dict[str, Job] = {}
_lock = threading.Lock()


def start(
    work: str,
    config: dict[str, Any] | None,
    *,
    kind: str,
    store: Store | None = None,
    study: str | None = None,
    resume: str | None = None,
    where: Literal["dask", "inline"] = "dask",
    scheduler: str | None = None,
) -> Job:
    """Begin a run; the first event of a job on a warm worker comes within a second or two.

    Args:
        work: ``"package.module:function"``, a generator function that takes a config as values and
            an ``Attempt``, and yields events.
        config: whole config as values. ``None`` only with ``resume``: the run's own.
        kind: what runs (``"train"``).
        store: where to record it; ``None`` takes the person's own workspace.
        study: groups runs that answer one question together.
        resume: id of a run to go on with at its last checkpoint; it keeps its id.
        where: ``"dask"`` computes in a worker process and returns at once; ``"inline"`` computes in
            the calling thread and returns when the job has ended.
        scheduler: address of a Dask scheduler; ``None`` takes ``WORKBENCH_SCHEDULER``, and where
            that is not set starts two workers on this machine at first need.

    Raises:
        BadInput: there is no run to resume, it has another config, or it is still at work.
        NothingToResume: it left no checkpoint, or is finished.
    """
    store = Store() if store is None else store
    checkpoint = None
    if resume is None:
        if config is None:
            raise BadInput("A new run needs a config; only a resumed run has one already.")
        config = to_json(config)
        run = store.open(kind, config, study=study)
    else:
        run, own = resume, to_json(store.record(resume).config)
        if config is not None and to_json(config) != own:
            raise BadInput(f"Run {run} has another config; a changed config is a new run.")
        checkpoint, config = store.reopen(run), own
    crew = None if where == "inline" else crew_of(scheduler)
    attempt = Attempt(run=run, home=store.root, checkpoint=checkpoint)
    job = Job(work, config, attempt, store=store, crew=crew, ended=_forget)
    _jobs[run] = job
    if crew is None:
        try:
            for event in drive(work, config, run=run, store=store, checkpoint=checkpoint):
                job.tell([event])
        finally:
            _forget(job)
    else:
        store.mark(run, "waiting")
        crew.take(job)
    return job


def attach(run: str) -> Job | None:
    """The job of a run that this process computes right now, for a page that was reloaded."""
    return _jobs.get(run)


def warm(*modules: str, scheduler: str | None = None) -> None:
    """Start workers in the background before they are needed; returns at once.

    Args:
        modules: for workers of this machine to import, beside the heavy libraries.
        scheduler: as in :func:`start`.
    """
    crew_of(scheduler, modules)


def workers(scheduler: str | None = None) -> int:
    """How many jobs can be computed at the same time.

    Args:
        scheduler: as in :func:`start`. One elsewhere is asked, which may take seconds; it may have
            more or fewer workers later.

    Raises:
        BadInput: it does not answer, has no workers, or workers of other versions.
    """
    address = _address(scheduler)
    return WORKERS if address is None else crew_of(address).size()


def crew_of(scheduler: str | None = None, modules: tuple[str, ...] = ()) -> Crew:
    """The crew at a scheduler's address, hired at first need."""
    address = _address(scheduler)
    with _lock:
        if address not in _crews or _crews[address].broken:
            _crews[address] = Crew(address, (*HEAVY, *modules))
        return _crews[address]


def _address(scheduler: str | None) -> str | None:
    return scheduler or os.environ.get("WORKBENCH_SCHEDULER") or None


def close() -> None:
    """End all workers of this process, and with them the jobs at work."""
    with _lock:
        crews = list(_crews.values())
        _crews.clear()
    for crew in crews:
        crew.close()


def _forget(job: Job) -> None:
    _jobs.pop(job.run, None)


atexit.register(close)
