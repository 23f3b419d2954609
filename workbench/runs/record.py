"""What is known about one run, as one frozen object."""

from __future__ import annotations

import functools
import os
import platform
import socket
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from workbench.runs.events import to_json

Status = Literal["waiting", "running", "paused", "finished", "failed", "cancelled", "interrupted"]
#: Statuses in which somebody is still at work, or says so.
ALIVE = ("waiting", "running", "paused")


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as the store knows it.

    Attributes:
        id: name of the run, also of its folder.
        kind: what ran (``"train"``, ``"attack"``).
        status: ``"interrupted"`` where the process that wrote the run is gone without an ending.
        created: when the run was opened, with time zone.
        finished: when it ended, ``None`` before.
        config: the whole config as values.
        versions: of Python and the packages that numbers depend on.
        fingerprint: of the data, as the work stated it; ``None`` before it did.
        guarantee: fields of the run's ``Guarantee``; ``None`` where the work stated none.
        result: what the finished work returned.
        message: one sentence about how it ended, empty where there is nothing to say.
        study: the study that the run belongs to.
        folder: where its arrays, pictures and checkpoint are.
        progress: ``(done, total)`` as last stated.
    """

    id: str
    kind: str
    status: Status
    created: datetime
    finished: datetime | None
    config: dict[str, Any]
    versions: dict[str, str]
    fingerprint: str | None
    guarantee: dict[str, Any] | None
    result: dict[str, Any] | None
    message: str
    study: str | None
    folder: Path
    progress: tuple[float, float] | None


@functools.cache
def versions() -> dict[str, str]:
    """What the numbers of a run depend on; nothing is imported for it."""
    found = {"python": platform.python_version()}
    for package in ("workbench", "torch", "opacus"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@dataclass(frozen=True)
class Writer:
    """The one process that writes a run; a process id alone comes back after a restart."""

    pid: int
    started: float
    host: str

    @classmethod
    def here(cls) -> Writer:
        """This process."""
        return cls(os.getpid(), _started(os.getpid()) or 0.0, socket.gethostname())

    def gone(self) -> bool:
        """Whether the process has ended. Of a process on another machine nothing is known."""
        if self.host != socket.gethostname():
            return False
        started = _started(self.pid)
        # The start time is computed from the boot time, which moves with clock corrections.
        return started is None or abs(started - self.started) > 5


def _started(pid: int) -> float | None:
    """Start of a living process in seconds since 1970; ``None`` where there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def record_to_json(record: RunRecord) -> dict[str, Any]:
    """A record as strict JSON values; times in ISO 8601."""
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    values["created"] = record.created.isoformat()
    values["finished"] = None if record.finished is None else record.finished.isoformat()
    values["folder"] = str(record.folder)
    plain: dict[str, Any] = to_json(values)
    return plain
