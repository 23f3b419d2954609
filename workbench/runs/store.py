"""The record of everything that ran: one SQLite file, and a folder of arrays for each run.

Layout of a workspace::

    runs.sqlite3                  records and events
    runs/<id>/run.json            format, config and versions, for people and for other programs
    runs/<id>/frames/000123.npz   kept pictures, named by the number of their event (see film.py)
    runs/<id>/checkpoint.safetensors
    runs/<id>/arrays.npz          what the finished work returned

A file is complete before the row that speaks of it is written.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import BadInput, NothingToResume
from workbench.runs import rows
from workbench.runs.database import FORMAT, Database
from workbench.runs.events import Checkpointed, Event, Finished, take_apart, to_json
from workbench.runs.files import (
    read_arrays,
    read_checkpoint,
    write_arrays,
    write_checkpoint,
    write_whole,
)
from workbench.runs.film import is_picture
from workbench.runs.record import ALIVE, RunRecord, Status, versions
from workbench.runs.workspace import make_folder, workspace


class Store:
    """Runs of one workspace. Threads may share a store, processes may open the same workspace.

    Args:
        root: the workspace folder; ``None`` takes the person's own.

    Raises:
        BadInput: the workspace was written by a newer version, or cannot be written.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = workspace() if root is None else make_folder(Path(root))
        self._database = Database(self.root / "runs.sqlite3")

    def close(self) -> None:
        """Let go of the file; the store cannot be used afterwards."""
        self._database.close()

    def open(self, kind: str, config: Mapping[str, Any], *, study: str | None = None) -> str:
        """Begin a record, before anything is computed.

        Args:
            kind: small letters and hyphens (``"train"``).
            config: the whole config as values.
            study: groups runs that answer one question together.

        Returns:
            The run's id.
        """
        if not re.fullmatch(r"[a-z][a-z0-9-]*", kind):
            raise BadInput(f"A kind of run is a word in small letters, not {kind!r}.")
        now = time.time()
        stamp = datetime.fromtimestamp(now).strftime("%Y%m%d-%H%M%S")
        run = f"{kind}-{stamp}-{secrets.token_hex(3)}"
        about = {"id": run, "kind": kind, "study": study, "config": to_json(config)}
        self._describe(run, {"format": FORMAT, **about, "created": now, "versions": versions()})
        with self._database.change() as connection:
            rows.insert_run(connection, about, now)
        return run

    def append(self, run: str, event: Event) -> None:
        """Record one event; it is on the disk when the call returns.

        Raises:
            BadInput: there is no such run.
            DiskFull: there is no room; what was recorded before is complete.
        """
        self.append_all(run, [event])

    def append_all(self, run: str, events: Iterable[Event]) -> None:
        """Record several events in one transaction, which costs about as much as one.

        Raises:
            BadInput: there is no such run.
            DiskFull: there is no room; none of these events is recorded.
        """
        batch = list(events)
        # Of several checkpoints only the last one lasts.
        for kind in (Checkpointed, Finished):
            for event in [event for event in batch if isinstance(event, kind)][-1:]:
                self._keep(run, event)
        self._write(run, batch)

    def mark(self, run: str, status: Status) -> None:
        """Say that a living run waits, runs or is paused; an ended run stays as it ended."""
        with self._database.change() as connection:
            connection.execute(
                f"UPDATE runs SET status = ? WHERE id = ? AND status IN {ALIVE}", (status, run)
            )

    def reopen(self, run: str) -> Checkpointed:
        """Take an ended run up again at its last checkpoint, with this process as its writer.

        Events after the checkpoint stay recorded, but are no longer part of :meth:`events`:
        they will happen again. What they cost stays spent, so the state of the checkpoint says
        under ``"reached"`` how far the run had come.

        Raises:
            NothingToResume: there is no such run, no checkpoint, or the run is finished.
            BadInput: the run is still at work, or its checkpoint is damaged.
        """
        try:
            record = self.record(run)
        except BadInput as error:
            raise NothingToResume(error.message) from None
        if record.status in ALIVE:
            raise BadInput(f"Run {run} is still {record.status}; stop it before resuming it.")
        if record.status == "finished":
            raise NothingToResume(f"Run {run} is finished; there is nothing left to do.")
        checkpoint = self.checkpoint(run)
        with self._database.change() as connection:
            reached = rows.steps_reached(connection, run)
            rows.go_on_from(connection, run, checkpoint.step)
        return replace(checkpoint, state={**checkpoint.state, "reached": reached})

    def record(self, run: str) -> RunRecord:
        """What is known about a run.

        Raises:
            BadInput: there is no such run, or a newer version wrote its folder.
        """
        found = self._database.read("SELECT * FROM runs WHERE id = ?", (run,))
        if not found:
            raise BadInput(f"There is no run {run} in {self.root}; 'workbench runs' lists them.")
        self._refuse_newer(run)
        return self._record(found[0])

    def list(self, kind: str | None = None, study: str | None = None) -> list[RunRecord]:
        """All runs, or those of a kind or study, in the order in which they were opened."""
        found = self._database.read(
            "SELECT * FROM runs WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR study = ?2)"
            " ORDER BY created, rowid",
            (kind, study),
        )
        return [self._record(row) for row in found]

    def finished(self, study: str, key: str) -> RunRecord | None:
        """The newest finished run of a study with this config, so that nothing is repeated.

        Args:
            study: name of the study.
            key: ``config_key`` of the config, or ``values_key`` of its values.
        """
        found = self._database.read(
            "SELECT * FROM runs WHERE study = ? AND config_key = ? AND status = 'finished'"
            " ORDER BY created DESC, rowid DESC LIMIT 1",
            (study, key),
        )
        return self._record(found[0]) if found else None

    def events(self, run: str) -> Iterator[Event]:
        """The events in order: all scalars, the kept pictures, checkpoints as bare marks.

        Weights come from :meth:`checkpoint`. Events that a resumed run replaced are left out.

        Raises:
            BadInput: there is no such run, or a file of it is damaged.
        """
        self.record(run)
        after = -1
        # In portions: a subscriber may take its time, and the lock must not wait for it.
        while found := self._database.read(
            "SELECT * FROM events WHERE run = ? AND seq > ? AND NOT replaced"
            " ORDER BY seq LIMIT 500",
            (run, after),
        ):
            after = found[-1]["seq"]
            for row in found:
                event = self._event(run, row)
                if event is not None:
                    yield event

    def arrays(self, run: str) -> dict[str, np.ndarray]:
        """What the finished work returned as arrays; empty where it has none."""
        self.record(run)
        path = self.folder(run) / "arrays.npz"
        return read_arrays(path) if path.exists() else {}

    def checkpoint(self, run: str) -> Checkpointed:
        """The last checkpoint.

        Raises:
            NothingToResume: the run has left none.
            BadInput: it is damaged, or there is no such run.
        """
        self.record(run)
        path = self.folder(run) / "checkpoint.safetensors"
        if not path.exists():
            raise NothingToResume(f"Run {run} has left no checkpoint to resume from.")
        return read_checkpoint(path)

    def folder(self, run: str) -> Path:
        """Where the run's files are."""
        return self.root / "runs" / run

    def _record(self, row: sqlite3.Row) -> RunRecord:
        return rows.record_from_row(row, self.folder(row["id"]))

    def _describe(self, run: str, about: dict[str, Any]) -> None:
        text = json.dumps(about, indent=2) + "\n"
        write_whole(self.folder(run) / "run.json", lambda file: file.write(text.encode()))

    def _refuse_newer(self, run: str) -> None:
        path = self.folder(run) / "run.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["format"]
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            raise BadInput(f"The folder {path.parent} of run {run} is gone or damaged.") from None
        if found > FORMAT:
            raise BadInput(
                f"{path.parent} was written by a newer version of the workbench (format {found}, "
                f"this version reads up to {FORMAT}); update the workbench."
            )

    def _keep(self, run: str, event: Checkpointed | Finished) -> None:
        """Write the file of a checkpoint or a result."""
        if isinstance(event, Checkpointed):
            write_checkpoint(self.folder(run) / "checkpoint.safetensors", event)
        elif event.arrays:
            write_arrays(self.folder(run) / "arrays.npz", event.arrays)

    def _write(self, run: str, events: Sequence[Event]) -> None:
        surplus: list[int] = []
        with self._database.change() as connection:
            for event in events:
                seq = rows.next_seq(connection, run)
                picture = None
                if is_picture(event):
                    write_arrays(self._frame(run, seq), take_apart(event)[1])
                    picture, dropped = rows.next_picture(connection, run, event)
                    surplus += dropped
                rows.insert_event(connection, run, seq, event, picture)
        for seq in surplus:
            self._frame(run, seq).unlink(missing_ok=True)

    def _event(self, run: str, row: sqlite3.Row) -> Event | None:
        """The event of a row; ``None`` for a picture that was thinned out."""
        arrays: dict[str, np.ndarray] = {}
        if row["picture"] is not None:
            path = self._frame(run, row["seq"])
            if not path.exists():
                return None
            arrays = read_arrays(path)
        elif row["kind"] == "Finished":
            arrays = {f"arrays/{name}": array for name, array in self.arrays(run).items()}
        return rows.event_from_row(row, arrays)

    def _frame(self, run: str, seq: int) -> Path:
        return self.folder(run) / "frames" / f"{seq:06d}.npz"
