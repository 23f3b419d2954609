"""Progress on standard error: how far, how long still, and what is worth a line of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.errors import WorkbenchError
from workbench.runs.events import Event

if TYPE_CHECKING:
    from workbench.runs.job import Job
    from workbench.runs.store import Store

K = TypeVar("K")
Say = Callable[[Event], str | None]

_REDRAW_SECONDS = 0.2


def narrate(events: Iterable[Event], say: Say) -> Event:
    """Let the events pass, telling a person about them.

    Args:
        events: of one work.
        say: an event's own line, or ``None`` where progress is enough.

    Returns:
        The last event.

    Raises:
        WorkbenchError: there was no event at all.
    """
    began = drawn = time.monotonic()
    last: Event | None = None
    for last in events:
        line = say(last)
        now = time.monotonic()
        if line:
            _clear()
            print(line, file=sys.stderr)
        if last.progress and now - drawn > _REDRAW_SECONDS:
            _draw(*last.progress, now - began)
            drawn = now
    _clear()
    if last is None:
        raise WorkbenchError("The work ended without saying anything.")
    return last


def carried_out(
    kind: str, work: str, config: dict[str, Any], store: Store, say: Say, study: str | None = None
) -> dict[str, Any]:
    """Carry a work out here and now as a run of its own, telling a person about it.

    Returns:
        Its result, and the run's id as ``"run"``.

    Raises:
        WorkbenchError: as ``runs.work.outcome``.
    """
    from workbench.runs.inline import drive
    from workbench.runs.work import outcome

    run = store.open(kind, config, study=study)
    return {"run": run, **outcome(narrate(drive(work, config, run=run, store=store), say))}


def wait_for(jobs: dict[K, Job]) -> dict[K, str]:
    """Wait for background jobs, telling how far they are together.

    Returns:
        The runs' ids, under the names that the jobs came with.

    Raises:
        WorkbenchError: a job failed; the others are stopped.
    """
    began = time.monotonic()
    try:
        while any(job.status in ("waiting", "running", "paused") for job in jobs.values()):
            time.sleep(_REDRAW_SECONDS)
            _draw(sum(_share(job) for job in jobs.values()), len(jobs), time.monotonic() - began)
        _clear()
        for job in jobs.values():
            job.result(timeout=1)
    finally:
        for job in jobs.values():
            job.cancel()
    return {name: job.run for name, job in jobs.items()}


def _share(job: Job) -> float:
    from workbench.runs.fleet import share

    if job.status == "finished":
        return 1.0
    return share(job.progress)


def _draw(done: float, total: float, elapsed: float) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{_bar(done, total, elapsed)}", end="", file=sys.stderr, flush=True)


def _bar(done: float, total: float, elapsed: float) -> str:
    share = done / total if total else 1.0
    filled = round(24 * share)
    left = f", {duration(elapsed / share - elapsed)} left" if share > 0 else ""
    return f"[{'#' * filled}{'.' * (24 - filled)}] {done:.0f} of {total:.0f}{left}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``"12 s"``, ``"3 min 20 s"``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
