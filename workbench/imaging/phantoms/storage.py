"""Phantoms drawn in parallel and kept on disk under everything that determines them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import tempfile
import types
import zipfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np

from workbench.imaging.phantoms.only_one import only_one
from workbench.imaging.phantoms.plan import CohortPlan, DrawnPatient, draw_patient
from workbench.runs.workspace import workspace

Progress = Callable[[float, float], None]
Drawing = Generator[tuple[int, DrawnPatient], None, None]

VERSION = 2
"""Raise it whenever a drawing changes, or people keep the old pictures."""

PROCESSES = 2
WORTH_STARTING = 64
"""Slices at 128 pixels that take longer to draw than processes take to start."""


def drawn_once(plan: CohortPlan, progress: Progress | None = None) -> DrawnPatient:
    """All patients of a plan, one after the other; from the cache where they were drawn before."""
    file = (
        workspace()
        / "cache"
        / (
            f"phantoms-v{VERSION}-{plan.patients}x{plan.slices}-seed{plan.seed}-{plan.size}px"
            f"{'-dense' if plan.dense_lesions else ''}"
            f"{f'-{plan.field}mm' if plan.field != CohortPlan.field else ''}"
            f"{f'-beyond{plan.beyond}' if plan.beyond else ''}.npz"
        )
    )
    known = _read(file, plan)
    if known is not None:
        return known
    told = progress or _silent
    with only_one(file.with_suffix(".lock"), lambda: told(0, plan.patients)):
        known = _read(file, plan)  # another process may have drawn them meanwhile
        if known is None:
            known = draw_cohort(plan, progress)
            _write(file, known)
    return known


def draw_cohort(
    plan: CohortPlan, progress: Progress | None = None, processes: int = PROCESSES
) -> DrawnPatient:
    """Draw every patient; ``processes=1`` stays in this one and gives the same pictures."""
    work = plan.patients * plan.slices * (plan.size / 128) ** 2
    alone = processes == 1 or work < WORTH_STARTING or multiprocessing.current_process().daemon
    told = progress or _silent
    shape = (plan.patients, plan.slices, plan.size, plan.size)
    hu, masks = np.empty(shape, np.int16), np.empty(shape, np.uint8)
    # Closing stops the processes at once when whoever is told about progress calls it off.
    with closing(_one_by_one(plan) if alone else _side_by_side(plan, processes)) as patients:
        for done, (number, drawn) in enumerate(patients, start=1):
            hu[number], masks[number] = drawn
            told(done, plan.patients)
    side = (-1, plan.size, plan.size)
    return DrawnPatient(hu.reshape(side), masks.reshape(side))


def _silent(done: float, total: float) -> None:
    """Nobody asked how far it is."""


def _one_by_one(plan: CohortPlan, first: int = 0) -> Drawing:
    for number in range(first, plan.patients):
        yield number, draw_patient(plan, number)


def _side_by_side(plan: CohortPlan, processes: int) -> Drawing:
    done = 0
    try:
        for number, future in _submitted(plan, processes):
            yield number, future.result()
            done = number + 1
    except (BrokenProcessPool, OSError):
        # Where processes may not be started, the same pictures come more slowly.
        logging.getLogger(__name__).warning("drawing phantoms in one process only")
        yield from _one_by_one(plan, done)


def _submitted(plan: CohortPlan, processes: int) -> Iterator[tuple[int, Future[DrawnPatient]]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_one_thread)
    try:
        with _without_main():
            futures = [pool.submit(draw_patient, plan, n) for n in range(plan.patients)]
        yield from enumerate(futures)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep spawned processes from running a person's script again from its first line."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _read(file: Path, plan: CohortPlan) -> DrawnPatient | None:
    # A file cut short by a full disk is drawn again rather than believed.
    with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile):
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            drawn = DrawnPatient(stored["hu"], stored["masks"])
        shape = (plan.patients * plan.slices, plan.size, plan.size)
        if drawn.hu.shape == drawn.masks.shape == shape:
            return drawn
    return None


def _write(file: Path, drawn: DrawnPatient) -> None:
    unfinished: str | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as stream:
            unfinished = stream.name
            np.savez_compressed(stream, hu=drawn.hu, masks=drawn.masks)
        os.replace(unfinished, file)
    except OSError as error:
        logging.getLogger(__name__).warning("phantoms were not kept in %s: %s", file, error)
        if unfinished is not None:
            Path(unfinished).unlink(missing_ok=True)
