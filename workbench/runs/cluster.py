"""Dask distributed as the workbench uses it: two quiet, warm, private worker processes."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.runs import worker
from workbench.runs.elsewhere import ANSWER_SECONDS, connected, odd_worker
from workbench.runs.workspace import workspace

WORKERS = 2

SETTINGS: dict[str, Any] = {
    # The scheduler keeps so many messages of each topic; ours hold pictures and weights.
    "distributed.admin.low-level-log-length": 0,
    # A job whose worker died is told so, never run again in silence.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    # A laptop that slept must not find its workers declared dead.
    "distributed.scheduler.worker-ttl": None,
    # Dask always opens a web server; ours has no page, and no port that others want.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # What Dask says in a worker before the worker's log is open would reach the notebook.
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "error",
    # Measurements of Dask's own that nobody looks at and that cost computing time.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.log-length": 10,
    "distributed.diagnostics.nvml": False,
    # A worker keeps no results, so there is nothing to spill; the work decides over its memory.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


class Staff:
    """A connection to workers.

    Args:
        client: Dask's.
        local: Dask's cluster where it belongs to this process.
    """

    def __init__(self, client: Any, local: Any | None) -> None:
        self._client = client
        self._local = local

    @property
    def left_alone(self) -> bool:
        """Whether the scheduler is gone and was waited for in vain."""
        return self._client.status in ("closing", "closed", "failed")

    def submit(self, function: Callable[..., object], order: worker.Order, address: str) -> Any:
        """Let one worker, and no other, carry out an order; returns Dask's future."""
        import dask

        # The checkpoint of a resumed run may be large; Dask would advise against it in a warning.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "10GB"}):
            return self._client.submit(
                function, order, key=order.token, workers=[address], pure=False, retries=0
            )

    def ask(self, function: Callable[..., object], *arguments: object, worker: str) -> None:
        """Call a function in a worker's event loop, without waiting for the answer."""
        self._aside(lambda: self._client.run(function, *arguments, workers=[worker]))

    def vet(self, address: str, welcome: Callable[[], None]) -> None:
        """Welcome a worker that arrived later, if it has the versions of this process."""

        def ask() -> None:
            odd = odd_worker(self._client, [address])
            if odd:
                logging.getLogger(__name__).warning("%s", odd)
            else:
                welcome()

        self._aside(ask)

    def replace(self, address: str) -> None:
        """Kill a worker process; its nanny starts another."""
        self._aside(lambda: self._client.run(_kill, workers=[address], nanny=True))

    def dismiss(self) -> None:
        """Leave the workers; end them where they belong to this process."""
        with suppress(Exception):
            if self._local is not None:
                self._client.run(_kill_for_good, nanny=True)
            self._client.close(timeout=2)
            if self._local is not None:
                self._local.close(timeout=5)

    def _aside(self, call: Callable[[], object]) -> None:
        """A worker that hangs never answers; nobody else shall wait for it."""

        def quietly() -> None:
            with suppress(Exception):  # the worker is gone: the crew hears of it otherwise
                call()

        threading.Thread(target=quietly, daemon=True).start()


def hire(
    scheduler: str | None,
    modules: Sequence[str],
    topic: str,
    hear: Callable[[str, Any], None],
) -> Staff:
    """Start workers, or connect to those of a scheduler; takes seconds.

    Args:
        scheduler: address such as ``tls://host:8786`` (credentials from Dask's configuration).
        modules: to import in workers that are started here.
        topic: whose messages ``hear`` gets, with the topic's name first.
        hear: also gets Dask's notices of arriving and leaving workers, under topic ``"all"``.

    Raises:
        BadInput: the scheduler does not answer, has no workers, or workers of other versions.
    """
    import dask
    from distributed import Client

    local = None
    if scheduler is None:
        # Dask reads this one whenever a worker goes. A worker that takes long to come back, on a
        # busy machine, would be given up for good.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "7 days"})
        with dask.config.set(SETTINGS):
            local = _start(modules)
    if scheduler is None:
        client = Client(local, set_as_default=False, timeout=10)
    else:
        client = connected(scheduler)
    for name in (topic, "all"):
        client.subscribe_topic(name, lambda event, name=name: hear(name, event[1]))
    _await_subscriptions(client, f"{topic}-ready")
    for address in client.nthreads():
        hear("all", {"action": "add-worker", "worker": address, "vetted": True})
    return Staff(client, local)


def _await_subscriptions(client: Any, topic: str) -> None:
    """Return when what was subscribed to is heard: a worker that comes before would be missed."""
    ready = threading.Event()
    client.subscribe_topic(topic, lambda event: ready.set())
    end = time.monotonic() + ANSWER_SECONDS
    while not ready.wait(0.05) and time.monotonic() < end:
        client.log_event(topic, "")


def _start(modules: Sequence[str]) -> Any:
    """Two spawned processes of one thread each, reached through the loopback only, with TLS."""
    from distributed import LocalCluster, Security

    log = workspace() / "workers.log"
    if log.exists() and log.stat().st_size > 1_000_000:
        log.unlink()
    _log_to(log)
    return LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        security=Security.temporary(),
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        silence_logs=None,
        preload=[worker.__name__],
        env={
            "OMP_NUM_THREADS": "1",
            worker.MODULES: ",".join(modules),
            worker.LOG: str(log),
        },
    )


def _log_to(path: Path) -> None:
    """Dask speaks of every worker that comes and goes: for the log, not for the notebook."""
    for name in ("distributed", "distributed.client", "distributed.gc", "tornado.application"):
        dask_logger = logging.getLogger(name)
        for handler in list(dask_logger.handlers):
            dask_logger.removeHandler(handler)
            handler.close()
        handler = logging.FileHandler(path, delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        dask_logger.addHandler(handler)
        dask_logger.propagate = False


def _kill(dask_worker: Any) -> None:
    """Runs where the nanny is, which is what Dask passes under this name."""
    if dask_worker.pid:
        os.kill(dask_worker.pid, signal.SIGKILL)


def _kill_for_good(dask_worker: Any) -> None:
    dask_worker.close_gracefully()
    _kill(dask_worker)
