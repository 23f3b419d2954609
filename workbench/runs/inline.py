"""A work carried out right here, in the calling thread, and recorded: commands and tests."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from workbench.runs.attempt import Attempt
from workbench.runs.events import TERMINAL, Cancelled, Checkpointed, Event, to_json
from workbench.runs.files import DiskFull
from workbench.runs.store import Store
from workbench.runs.work import perform


def drive(
    work: str,
    config: dict[str, Any],
    *,
    run: str,
    store: Store,
    checkpoint: Checkpointed | None = None,
) -> Iterator[Event]:
    """Carry out a work in an open run; every event is on the disk before it is seen.

    Interrupting (Ctrl-C, SIGTERM) and closing this iterator end the run as cancelled. Pass the last
    event to :func:`workbench.runs.work.outcome` for the result::

        run = store.open("train", values)
        for event in drive("workbench.training.job:work", values, run=run, store=store):
            show(event)
        result = outcome(event)

    Args:
        work: import path of the work.
        config: of the run, as values.
        run: from ``store.open`` or, to go on with a run, from before ``store.reopen``.
        store: that knows the run.
        checkpoint: what ``store.reopen`` returned.

    Raises:
        DiskFull: there is no room left; what was recorded before is complete.
    """
    ended = False
    steps = perform(work, to_json(config), Attempt(run=run, home=store.root, checkpoint=checkpoint))
    try:
        with _sigterm_stops():
            for event in steps:
                store.append(run, event)
                ended = isinstance(event, TERMINAL)
                yield event
    except _Terminated:
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        steps.close()  # type: ignore[attr-defined]  # perform is a generator
        if not ended:
            with suppress(DiskFull):
                store.append(run, Cancelled())


@contextmanager
def _sigterm_stops() -> Iterator[None]:
    """Let SIGTERM run the ``finally`` blocks, where nobody else has a use for it."""
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if ours:
        signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, frame: object) -> NoReturn:
    raise _Terminated


class _Terminated(KeyboardInterrupt):
    """Unlike SystemExit, no work takes it for an error of its own."""
