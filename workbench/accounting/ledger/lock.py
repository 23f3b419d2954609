"""One writer at a time, or any number of readers, over all processes of this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import BadInput
from workbench.runs.files import room_on
from workbench.runs.workspace import make_folder

try:
    import fcntl
except ImportError:  # Windows has no such locks, and a ledger without them could be overspent
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, *, alone: bool) -> Iterator[None]:
    """Hold this lock file, alone or together with other readers; wait as long as it takes.

    The system lets go of it when the process dies, however it dies.

    Raises:
        BadInput: the folder cannot be written, or the system has no such locks.
    """
    if fcntl is None:
        raise BadInput("The ledger needs file locks that Windows lacks; use Linux or macOS.")
    if alone:
        make_folder(path.parent)
    with explained(path.parent):
        kind = os.O_RDWR if alone else os.O_RDONLY
        handle = os.open(path, kind | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        # Closing alone is not enough where a child forked meanwhile holds a copy.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the system says about a folder into one sentence.

    Raises:
        BadInput: the ledger in it cannot be read or written.
        DiskFull: there is no room.
    """
    try:
        with room_on(folder):
            yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR):
            raise BadInput(
                f"The ledger in {folder} cannot be read or written; check its permissions, or "
                "choose another workspace with WORKBENCH_HOME."
            ) from error
        raise
