"""Runs and events as rows of the database: how they go in, and how they come back."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import BadInput
from workbench.runs.configs import values_key
from workbench.runs.events import (
    Cancelled,
    Checkpointed,
    Event,
    Failed,
    Finished,
    Started,
    from_json,
    put_together,
    take_apart,
    to_json,
)
from workbench.runs.film import kept, without_weights
from workbench.runs.record import ALIVE, RunRecord, Writer, versions


def insert_run(connection: sqlite3.Connection, about: Mapping[str, Any], now: float) -> None:
    """Add a run that begins now; ``about`` has its id, kind, study and config."""
    connection.execute(
        "INSERT INTO runs (id, kind, study, config, config_key, versions, created, status, writer)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?)",
        (
            about["id"],
            about["kind"],
            about["study"],
            json.dumps(about["config"]),
            values_key(about["config"]),
            json.dumps(versions()),
            now,
            json.dumps(asdict(Writer.here())),
        ),
    )


def next_seq(connection: sqlite3.Connection, run: str) -> int:
    """Number of the next event of a run, from 0.

    Raises:
        BadInput: there is no such run.
    """
    row = connection.execute(
        "SELECT (SELECT max(seq) FROM events WHERE run = id) AS last FROM runs WHERE id = ?", (run,)
    ).fetchone()
    if row is None:
        raise BadInput(f"There is no run {run}; 'workbench runs' lists them.")
    return 0 if row["last"] is None else int(row["last"]) + 1


def next_picture(connection: sqlite3.Connection, run: str, event: Event) -> tuple[int, list[int]]:
    """Number of the next picture of its kind, and the events whose pictures it makes surplus."""
    kind = type(event).__name__
    of_kind = "FROM events WHERE run = ? AND kind = ? AND picture"
    last = connection.execute(f"SELECT max(picture) {of_kind} IS NOT NULL", (run, kind)).fetchone()[
        0
    ]
    if last is None:
        return 0, []
    surplus = sorted(kept(last) - kept(last + 1))
    marks = ", ".join("?" * len(surplus))
    found = connection.execute(f"SELECT seq {of_kind} IN ({marks})", (run, kind, *surplus))
    return last + 1, [row["seq"] for row in found]


def insert_event(
    connection: sqlite3.Connection, run: str, seq: int, event: Event, picture: int | None
) -> None:
    """Add an event, and tell the run's row what the event says about the run."""
    stored = without_weights(event) if isinstance(event, Checkpointed) else event
    body = json.dumps(take_apart(stored)[0], allow_nan=False)
    kind = type(event)
    connection.execute(
        "INSERT INTO events (run, seq, at, kind, module, body, picture)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (run, seq, time.time(), kind.__name__, kind.__module__, body, picture),
    )
    news = _news(event)
    if news:
        columns = ", ".join(f"{name} = ?" for name in news)
        connection.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*news.values(), run))


def steps_reached(connection: sqlite3.Connection, run: str) -> int:
    """The highest step that any event of a run ever told, replaced ones included."""
    row = connection.execute(
        "SELECT max(json_extract(body, '$.step')) AS step FROM events WHERE run = ?", (run,)
    ).fetchone()
    return int(row["step"] or 0)


def go_on_from(connection: sqlite3.Connection, run: str, step: int) -> None:
    """Give a run to this process, at the checkpoint of this step."""
    connection.execute(
        "UPDATE events SET replaced = 1 WHERE run = ?1 AND seq > (SELECT max(seq) FROM events"
        " WHERE run = ?1 AND kind = 'Checkpointed' AND NOT replaced"
        " AND json_extract(body, '$.step') = ?2)",
        (run, step),
    )
    connection.execute(
        "UPDATE runs SET status = 'running', finished = NULL, message = '', writer = ?"
        " WHERE id = ?",
        (json.dumps(asdict(Writer.here())), run),
    )


def record_from_row(row: sqlite3.Row, folder: Path) -> RunRecord:
    """A run as its readers get it."""
    status = row["status"]
    message = row["message"]
    if status in ALIVE and Writer(**json.loads(row["writer"])).gone():
        status, message = "interrupted", "The process that computed it ended before the run did."
    return RunRecord(
        id=row["id"],
        kind=row["kind"],
        status=status,
        created=_when(row["created"]),
        finished=None if row["finished"] is None else _when(row["finished"]),
        config=from_json(json.loads(row["config"])),
        versions=json.loads(row["versions"]),
        fingerprint=row["fingerprint"],
        guarantee=from_json(json.loads(row["guarantee"] or "null")),
        result=from_json(json.loads(row["result"] or "null")),
        message=message,
        study=row["study"],
        folder=folder,
        progress=None if row["done"] is None else (row["done"], row["total"]),
    )


def event_from_row(row: sqlite3.Row, arrays: Mapping[str, np.ndarray]) -> Event:
    """An event as it was recorded, with its arrays.

    Raises:
        BadInput: this version does not know such events.
    """
    kind, module = row["kind"], row["module"]
    try:
        # A record may come from elsewhere: it must not choose which of a person's modules run.
        if kind not in Event.kinds and not module.startswith("workbench."):
            raise KeyError(kind)
        return put_together(kind, module, json.loads(row["body"]), arrays)
    except (KeyError, ImportError, TypeError):
        raise BadInput(
            f"Run {row['run']} has events called {kind}, which are not known here; "
            f"import {module} first, or update the workbench."
        ) from None


def _news(event: Event) -> dict[str, Any]:
    """Columns of the run that an event changes."""
    news: dict[str, Any] = {}
    if event.progress is not None:
        news["done"], news["total"] = map(float, event.progress)
    if isinstance(event, Started):
        news |= _stated(event.facts)
    elif isinstance(event, Finished):
        result = json.dumps(to_json(event.result))
        news |= {"status": "finished", "result": result, **_stated(event.result)}
    elif isinstance(event, Failed):
        news |= {"status": "failed", "message": event.message}
    elif isinstance(event, Cancelled):
        news |= {"status": "cancelled", "message": event.message}
    if "status" in news:
        news["finished"] = time.time()
    return news


def _stated(facts: Mapping[str, Any]) -> dict[str, str]:
    """Fingerprint and guarantee where the work has stated them."""
    stated = {}
    if isinstance(facts.get("fingerprint"), str):
        stated["fingerprint"] = facts["fingerprint"]
    if isinstance(facts.get("guarantee"), Mapping):
        stated["guarantee"] = json.dumps(to_json(facts["guarantee"]))
    return stated


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone()
