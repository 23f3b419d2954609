"""What happens inside a worker process: it gets ready, computes, and obeys.

A worker opens no store and draws no picture. It turns an order into batches of messages, and looks
between two events whether it shall pause or stop.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from workbench.runs.allocator import keep_freed_memory
from workbench.runs.attempt import Attempt
from workbench.runs.events import (
    TERMINAL,
    Cancelled,
    Checkpointed,
    Event,
    Message,
    from_message,
    to_message,
)
from workbench.runs.outbox import Outbox
from workbench.runs.record import versions
from workbench.runs.work import failure, perform

#: Modules to import before the worker reports for duty, separated by commas.
MODULES = "WORKBENCH_WORKER_MODULES"
#: File that takes what a worker prints.
LOG = "WORKBENCH_WORKER_LOG"
#: What a worker says of itself when it is told to end (SIGTERM).
DISMISSED = "dismissed-worker"


@dataclass(frozen=True)
class Order:
    """One job for a worker; only strings and bytes, which Dask hands on as they are.

    Attributes:
        token: name of this attempt, unlike the run's id never used again.
        topic: where to send messages.
        work: import path of the work.
        config: JSON text.
        run: id of the run.
        home: folder of its workspace.
        checkpoint: message of the checkpoint to go on from, or ``None``.
        path: folders to import from, as in the ordering process.
        folder: working directory of the ordering process, so that relative paths mean the same.
    """

    token: str
    topic: str
    work: str
    config: str
    run: str
    home: str
    checkpoint: Message | None
    path: tuple[str, ...]
    folder: str

    @classmethod
    def write(
        cls,
        token: str,
        topic: str,
        work: str,
        config: dict[str, Any],
        attempt: Attempt,
    ) -> Order:
        """An order from this process."""
        return cls(
            token=token,
            topic=topic,
            work=work,
            config=json.dumps(config),
            run=attempt.run,
            home=str(attempt.home.absolute()),
            checkpoint=None if attempt.checkpoint is None else to_message(attempt.checkpoint),
            path=tuple(folder or os.getcwd() for folder in sys.path),
            folder=os.getcwd(),
        )


class Wish:
    """What the ordering process wants of a job right now: ``"go"``, ``"pause"`` or ``"stop"``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = -1
        self._wish = "go"

    def change(self, number: int, wish: str) -> None:
        """Take a newer wish; wishes may overtake each other on their way, so they have numbers."""
        with self._changed:
            if number > self._number:
                self._number, self._wish = number, wish
                self._changed.notify_all()

    def may_go_on(self) -> bool:
        """Wait while the wish is to pause; ``False`` when it is to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._wish != "pause")
            return self._wish == "go"


_wishes: dict[str, Wish] = {}


def obey(token: str, number: int, wish: str) -> None:
    """Pause, go on or stop; runs in the worker's event loop while the job's thread computes."""
    _wishes.setdefault(token, Wish()).change(number, wish)


def compute(order: Order) -> None:
    """Carry out an order; runs in the worker's one computing thread."""
    from distributed import get_worker

    _stand_where(order)
    worker = get_worker()
    wish = _wishes.setdefault(order.token, Wish())
    outbox = Outbox(lambda batch: worker.log_event(order.topic, {order.token: batch}))
    try:
        for event in _steps(order, wish):
            outbox.put(event)
    except Exception as error:
        outbox.put(failure(error))
    finally:
        outbox.close()
        _wishes.pop(order.token, None)


def own_versions() -> dict[str, str]:
    """What numbers computed here depend on; asked of workers that were started elsewhere."""
    return versions()


def _steps(order: Order, wish: Wish) -> Iterable[Event]:
    """The events of the work, ended early when so wished."""
    attempt = Attempt(
        run=order.run,
        home=Path(order.home),
        checkpoint=None
        if order.checkpoint is None
        else cast(Checkpointed, from_message(order.checkpoint)),
    )
    steps = perform(order.work, json.loads(order.config), attempt)
    for event in steps:
        yield event
        if not isinstance(event, TERMINAL) and not wish.may_go_on():
            steps.close()  # type: ignore[attr-defined]  # perform is a generator
            yield Cancelled()
            return


def _stand_where(order: Order) -> None:
    """Import from where the ordering process imports, and read paths from where it stands."""
    sys.path.extend(folder for folder in order.path if folder not in sys.path)
    with suppress(OSError):  # on another machine there may be no such folder
        os.chdir(order.folder)


def dask_setup(worker: Any) -> None:
    """Get ready, before the scheduler knows of this worker: what is known to it is warm."""
    # The notebook's interrupt button sends SIGINT to the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _leave, worker)
    if LOG in os.environ:
        log = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
    keep_freed_memory()
    for module in filter(None, os.environ.get(MODULES, "").split(",")):
        importlib.import_module(module)
    if "torch" in sys.modules:
        # Two workers share the machine with the notebook; threads of one would slow the other.
        sys.modules["torch"].set_num_threads(1)


def _leave(worker: Any) -> None:
    """Say goodbye, so that a closed notebook is not taken for a crash."""
    worker.log_event("all", {"action": DISMISSED, "worker": worker.address})
    asyncio.get_running_loop().call_later(0.1, os._exit, 128 + signal.SIGTERM)
