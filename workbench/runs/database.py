"""The one SQLite file of a workspace: its tables, its transactions, its errors in one sentence."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.runs.files import DiskFull

#: Version of tables and run folders. A newer one is refused, an older one would be brought up.
FORMAT = 1

SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    study TEXT,
    config TEXT NOT NULL,
    config_key TEXT NOT NULL,
    versions TEXT NOT NULL,
    created REAL NOT NULL,
    finished REAL,
    status TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    fingerprint TEXT,
    guarantee TEXT,
    result TEXT,
    done REAL,
    total REAL,
    writer TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_study ON runs (study, config_key, status);
-- picture: number of this picture among those of its kind, NULL for other events.
-- replaced: 1 where a later attempt went on from a checkpoint before this event.
CREATE TABLE events (
    run TEXT NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    module TEXT NOT NULL,
    body TEXT NOT NULL,
    picture INTEGER,
    replaced INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_picture ON events (run, kind, picture) WHERE picture IS NOT NULL;
"""


class Database:
    """A connection that threads share; other processes may have the same file open.

    Every change is one transaction, on the disk when the call returns (``synchronous=FULL``): a
    killed process or a power cut loses at most the change being written.
    Local disks only: SQLite's write-ahead log does not work over network file systems.

    Raises:
        BadInput: the file comes from a newer version, is no database, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        self._prepare()

    def read(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock, self._explained():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: everything in the block is written, or nothing.

        Raises:
            DiskFull: there is no room; nothing of the block is written.
        """
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _prepare(self) -> None:
        """Make the tables in a new file; refuse a file that a newer version has written."""
        with self.change() as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > FORMAT:
                raise BadInput(
                    f"{self._path} was written by a newer version of the workbench "
                    f"(format {found}, this version reads up to {FORMAT}); update the workbench."
                )
            if found == 0:
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", None)
            name = getattr(error, "sqlite_errorname", "") or ""
            if code == sqlite3.SQLITE_FULL or (name.startswith("SQLITE_IOERR") and self._no_room()):
                raise DiskFull.at(self._path.parent) from error
            if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise BadInput(
                    f"{self._path} cannot be written; choose another workspace with WORKBENCH_HOME."
                ) from error
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise BadInput(
                    f"{self._path} is damaged or no workbench file; move it away to start afresh."
                ) from error
            raise

    def _no_room(self) -> bool:
        return shutil.disk_usage(self._path.parent).free < 1_000_000
