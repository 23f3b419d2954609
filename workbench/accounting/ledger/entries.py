"""A line of the ledger: one JSON object that carries the hash of the line before and its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Entry = dict[str, Any]

GENESIS = "0" * 64
"""What the first line names as the hash of the line before it."""

FIELDS: dict[str, dict[str, type]] = {
    "data": {
        "name": str,
        "fingerprint": str,
        "patients": int,
        "largest_patient": int,
        "slices": list,
    },
    "reserve": {
        "run": str,
        "name": str,
        "fingerprint": str,
        "unit": str,
        "noise_multiplier": float,
        "sample_rate": float,
        "steps": int,
        "delta": float,
        "group": int,
        "protected": bool,
        "why": str,
    },
    "settle": {"run": str, "fingerprint": str, "steps": int},
    "budget": {"name": str, "fingerprint": str, "epsilon": float, "delta": float, "policy": str},
}
"""What every kind of line holds, beside ``line``, ``at``, ``kind``, ``previous`` and ``hash``."""


class LineFault(ValueError):
    """A line that cannot be believed; the message goes on after "Line 7 ..."."""


def seal(number: int, kind: str, fields: Mapping[str, Any], previous: str) -> Entry:
    """The next line, with its time, its link and its hash.

    Args:
        number: of the line, from 1.
        kind: a key of :data:`FIELDS`.
        fields: strict JSON values; infinity as the word ``"inf"``.
        previous: hash of the line before, :data:`GENESIS` for the first.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entry = {"line": number, "at": now, "kind": kind, **fields, "previous": previous}
    return {**entry, "hash": digest(entry)}


def digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 of a line's canonical JSON: keys sorted, no spaces, ASCII, without ``hash``."""
    content = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def render(entry: Mapping[str, Any]) -> bytes:
    """A line as it stands in the file, without its end."""
    text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
    # File names of another encoding reach us as lone surrogates, which plain UTF-8 refuses.
    return text.encode("utf-8", "surrogatepass")


def read(raw: bytes, number: int, previous: str) -> Entry:
    """The line that was written as these bytes.

    Args:
        raw: one line of the file, without its end.
        number: where it stands, from 1.
        previous: hash of the line before.

    Raises:
        LineFault: it is no line of a ledger, or not the one that belongs here.
    """
    entry = _parse(raw)
    if entry.get("hash") != digest(entry) or render(entry) != raw:
        raise LineFault("was changed after it was written (its hash does not fit)")
    if entry["line"] != number:
        raise LineFault(
            f"says that it is line {entry['line']}: lines were removed, added or put elsewhere"
        )
    if entry["previous"] != previous:
        raise LineFault("does not follow the line before it (its link names another line)")
    _check_fields(entry)
    return entry


def _parse(raw: bytes) -> Entry:
    try:
        entry = json.loads(raw.decode("utf-8", "surrogatepass"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise LineFault("is no line of a ledger (it cannot be read as JSON)") from None
    if not isinstance(entry, dict) or not {"line", "kind", "previous", "hash"} <= entry.keys():
        raise LineFault("is no line of a ledger (number, kind, link or hash is missing)")
    return entry


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _check_fields(entry: Entry) -> None:
    fields = FIELDS.get(str(entry["kind"]))
    if fields is None:
        raise LineFault(
            f"is of a kind that this version does not know ({entry['kind']}); update the workbench"
        )
    for name, kind in fields.items():
        if type(entry.get(name)) is not kind:
            raise LineFault(f"has no usable {name!r}, although its hash fits")
