"""Letting one process draw while others wait for what it keeps."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOOK_SECONDS: Final = 0.1


@contextmanager
def only_one(path: Path, waiting: Callable[[], object]) -> Iterator[None]:
    """Hold a lock file; where the folder or the system allows none, everybody goes ahead.

    The system lets go of it when the process dies, however it dies.

    Args:
        path: of the lock file.
        waiting: called ten times a second while another process holds it; may raise to give up.
    """
    handle = _opened(path)
    try:
        if handle is not None:
            while not _taken(handle):
                waiting()
                time.sleep(_LOOK_SECONDS)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _opened(path: Path) -> int | None:
    if sys.platform == "win32":
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return None


def _taken(handle: int) -> bool:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
