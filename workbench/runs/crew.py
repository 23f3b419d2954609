"""The workers that compute in the background, and who of them does what.

Dask distributed carries orders out and messages back. Which worker gets which order is decided
here, one order a worker, first come first served: Dask would queue orders behind a busy worker,
and would silently run an order again when a worker dies.
"""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from workbench.errors import BadInput
from workbench.runs import cluster
from workbench.runs.events import Cancelled, Event, Failed, Message
from workbench.runs.work import failure
from workbench.runs.worker import DISMISSED, Order, compute, obey

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0

DEATH = Failed(
    message="The worker process died, perhaps because the memory was full; "
    "what was recorded before is kept.",
    details="the worker sent no last event",
)
ENDED = "stopped because its process was told to end, as when a notebook is closed"


class Task(Protocol):
    """What the crew needs to know of a job. It calls these methods from its own threads."""

    token: str

    def order(self, topic: str) -> Order:
        """The order to give to a worker."""

    def wish(self) -> tuple[int, str]:
        """The newest wish and its number."""

    def assigned(self) -> None:
        """A worker is about to get the order; from now on the task answers to a new token."""

    def received(self, messages: list[Message]) -> None:
        """The worker has sent messages."""

    def lost(self, end: Event) -> None:
        """No more messages will come; ``end`` says why."""


class Crew:
    """Workers of one scheduler, started in the background.

    All decisions are made in one thread that handles one notice after the other, so there is
    nothing to lock.

    Args:
        scheduler: address; ``None`` starts workers on this machine.
        modules: to import in workers that are started here.
    """

    def __init__(self, scheduler: str | None, modules: tuple[str, ...]) -> None:
        self._scheduler = scheduler
        self._modules = modules
        self._topic = f"workbench-{uuid.uuid4().hex}"
        self._notices: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: deque[Task] = deque()
        self._idle: list[str] = []
        self._busy: dict[str, Task] = {}
        self._futures: dict[str, Any] = {}
        self._heard: set[str] = set()
        self._doomed: set[str] = set()
        self._trouble: BadInput | None = None
        self._settled_in = threading.Event()
        self._staff: cluster.Staff | None = None
        self._thread = threading.Thread(target=self._run, name="workbench crew", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> bool:
        """Whether there are no workers and never will be."""
        return self._trouble is not None

    def size(self) -> int:
        """How many workers there are now; waits until it is clear whether there are any.

        Raises:
            BadInput: there are none and never will be.
        """
        self._settled_in.wait()
        if self._trouble is not None:
            raise BadInput(self._trouble.message, field=self._trouble.field)
        return len(self._idle) + len(self._busy)

    def take(self, task: Task) -> None:
        """Give a task to the next free worker."""
        self._notices.put(lambda: self._enlist(task))

    def tell(self, task: Task) -> None:
        """Pass the task's wish on; a waiting task that shall stop leaves the queue."""
        self._notices.put(lambda: self._pass_on(task))

    def release(self, task: Task) -> None:
        """The task has ended; its worker is free."""
        self._notices.put(lambda: self._free(task))

    def replace(self, task: Task) -> None:
        """Kill the task's worker, which does not answer; another one takes its place."""
        self._notices.put(lambda: self._kill(task))

    def close(self) -> None:
        """Send everybody home; tasks at work are lost."""
        self._notices.put(None)
        self._thread.join(timeout=15)

    # Everything below runs in the crew's thread.

    def _run(self) -> None:
        try:
            self._staff = cluster.hire(self._scheduler, self._modules, self._topic, self._hear)
        except BadInput as error:
            self._trouble = error
        except Exception as error:
            logger.debug("no workers", exc_info=True)
            self._trouble = BadInput(f"Background workers could not be started: {error}")
        # Those who are there have been announced by now, before anything that was ordered.
        self._notices.put(self._settled_in.set)
        for notice in iter(self._next_notice, None):
            notice()
        self._settled_in.set()
        for task in (*self._busy.values(), *self._waiting):
            task.lost(Cancelled(message="stopped because the background workers were closed"))
        if self._staff is not None:
            self._staff.dismiss()

    def _next_notice(self) -> Callable[[], None] | None:
        """The next one; from time to time it looks whether there is anybody left to work."""
        while True:
            with suppress(queue.Empty):
                return self._notices.get(timeout=_LOOK_SECONDS)
            if self._staff is not None and self._trouble is None and self._staff.left_alone:
                self._abandon()

    def _abandon(self) -> None:
        """Nobody will carry anything out any more; who orders again hires a new crew."""
        who = f"Dask scheduler at {self._scheduler}" if self._scheduler else "background scheduler"
        self._trouble = BadInput(
            f"The {who} is gone; what is finished is kept: start again when it is back.",
            field="scheduler",
        )
        tasks = [*self._busy.values(), *self._waiting]
        self._idle.clear()
        self._busy.clear()
        self._waiting.clear()
        for task in tasks:
            self._forget(task)
            task.lost(failure(self._trouble))
        self._team.dismiss()

    def _hear(self, topic: str, content: Any) -> None:
        """Runs in Dask's event loop: only notes what came."""
        self._notices.put(lambda: self._understand(topic, content))

    def _understand(self, topic: str, content: Any) -> None:
        if topic == self._topic:
            for task in self._busy.values():
                if task.token in content:
                    self._heard.add(task.token)
                    task.received(content[task.token])
        elif content.get("action") == "add-worker":
            self._announced(content["worker"], vetted=content.get("vetted", False))
        elif content.get("action") == DISMISSED:
            self._dismissed(content["worker"])
        elif content.get("action") == "remove-worker":
            self._gone(content["worker"], DEATH)

    def _announced(self, worker: str, *, vetted: bool) -> None:
        if vetted or self._scheduler is None:
            self._arrived(worker)
        else:
            self._team.vet(worker, lambda: self._notices.put(lambda: self._arrived(worker)))

    def _arrived(self, worker: str) -> None:
        if worker not in self._idle and worker not in self._busy:
            self._idle.append(worker)
            self._assign()

    def _dismissed(self, worker: str) -> None:
        """An order that reached a worker on its way out, and was not begun, goes to another one."""
        task = self._busy.get(worker)
        if task is None or task.token in self._heard:
            self._gone(worker, Cancelled(message=ENDED))
        else:
            self._let_go(worker)
            self._waiting.appendleft(task)
            self._assign()

    def _gone(self, worker: str, end: Event) -> None:
        task = self._let_go(worker)
        if task is not None:
            task.lost(end)

    def _let_go(self, worker: str) -> Task | None:
        self._doomed.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        task = self._busy.pop(worker, None)
        if task is not None:
            self._forget(task)
        return task

    def _forget(self, task: Task) -> None:
        self._futures.pop(task.token, None)
        self._heard.discard(task.token)

    def _enlist(self, task: Task) -> None:
        if self._trouble:
            task.lost(failure(self._trouble))
            return
        self._waiting.append(task)
        self._assign()

    def _assign(self) -> None:
        while self._waiting and self._idle:
            task, worker = self._waiting.popleft(), self._idle.pop(0)
            self._busy[worker] = task
            task.assigned()
            future = self._team.submit(compute, task.order(self._topic), worker)
            self._futures[task.token] = future
            future.add_done_callback(
                lambda future, task=task: self._notices.put(lambda: self._settled(task, future))
            )
            self._pass_on(task)

    def _settled(self, task: Task, future: Any) -> None:
        """Dask says the order is done; only news when it went wrong before the work began."""
        worker = self._worker_of(task)
        stale = self._futures.get(task.token) is not future
        if worker is None or stale or future.status == "finished":
            return
        if future.status != "error":  # cancelled, and not by us
            self._abandon()
            return
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            self._gone(worker, DEATH)
        else:
            why = f"The worker could not begin: {error}."
            task.lost(Failed(message=why, details="no traceback"))
            self._free(task)

    def _free(self, task: Task) -> None:
        worker = self._worker_of(task)
        if worker is not None:
            del self._busy[worker]
            self._forget(task)
            if worker not in self._doomed:
                self._idle.append(worker)
                self._assign()

    def _pass_on(self, task: Task) -> None:
        number, wish = task.wish()
        worker = self._worker_of(task)
        if task in self._waiting and wish == "stop":
            self._waiting.remove(task)
            task.lost(Cancelled())
        elif worker is not None and number:
            self._team.ask(obey, task.token, number, wish, worker=worker)

    def _kill(self, task: Task) -> None:
        worker = self._worker_of(task)
        if worker is not None:
            # It may still answer before it dies; nobody else's order shall die with it.
            self._doomed.add(worker)
            self._team.replace(worker)

    def _worker_of(self, task: Task) -> str | None:
        return next((worker for worker, busy in self._busy.items() if busy is task), None)

    @property
    def _team(self) -> cluster.Staff:
        assert self._staff is not None  # no worker has arrived before it is there
        return self._staff
