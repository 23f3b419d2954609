"""``workbench runs``: what has run in this workspace, and how it ended."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from typing import Any

from workbench.accounting.guarantee import Guarantee, round_up
from workbench.errors import BadInput

HELP = "list what has run, or show one run"

HEAD = ("run", "status", "when", "epsilon", "result", "config")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument(
        "action", nargs="?", choices=("list", "show"), default="list", help="default: list"
    )
    parser.add_argument("id", nargs="?", help="of the run to show, or any part that is unique")
    parser.add_argument("--kind", help="list only runs of this kind (train, attack, ...)")
    parser.add_argument("--study", help="list only runs of this study")


def run(args: argparse.Namespace) -> object:
    """A list of records, or one record with a count of its events and its files.

    Raises:
        BadInput: the run to show is missing, unknown or not the only one of that name.
    """
    from workbench.runs.record import record_to_json
    from workbench.runs.store import Store

    store = Store(args.out)
    if args.action == "show":
        return _show(store, args.id)
    if args.id is not None:
        raise BadInput(f"To see one run: workbench runs show {args.id}.", field="id")
    return [record_to_json(record) for record in store.list(kind=args.kind, study=args.study)]


def tell(result: object) -> str:
    """The list as a table, newest first; one run as lines."""
    if isinstance(result, dict):
        return _sheet(result)
    records: list[dict[str, Any]] = list(result) if isinstance(result, list) else []
    if not records:
        return "Nothing has run in this workspace yet."
    rows = [HEAD, *(_row(record) for record in reversed(records))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def _show(store: Any, part: str | None) -> dict[str, Any]:
    from workbench.runs.record import record_to_json

    if not part:
        raise BadInput("Say which run to show: workbench runs show ID.", field="id")
    found = [record for record in store.list() if part in record.id]
    exact = [record for record in found if record.id == part]
    if not found:
        raise BadInput(f"There is no run {part}; 'workbench runs' lists them.", field="id")
    if len(found) > 1 and not exact:
        raise BadInput(f"{len(found)} runs have {part!r} in their id; give more of it.", field="id")
    record = store.record((exact or found)[0].id)
    kinds = Counter(type(event).__name__ for event in store.events(record.id))
    files = sorted(path for path in record.folder.rglob("*") if path.is_file())
    return {
        **record_to_json(record),
        "events": dict(kinds),
        "files": [str(path.relative_to(record.folder)) for path in files],
    }


def _row(record: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        record["id"],
        record["status"],
        record["created"][:16].replace("T", " "),
        _epsilon(record["guarantee"]),
        _numbers(record["result"]) if record["result"] else _progress(record),
        _in_short(record["config"]),
    )


def _sheet(record: Mapping[str, Any]) -> str:
    lines = {
        "run": record["id"],
        "status": f"{record['status']} {record['message']}".strip(),
        "begun": record["created"],
        "ended": record["finished"] or "not yet",
        "study": record["study"] or "none",
        "config": _in_short(record["config"], room=10_000),
        "data": record["fingerprint"] or "no fingerprint stated",
        "guarantee": _sentence(record["guarantee"]),
        "result": _numbers(record["result"] or {}, most=100) or _progress(record),
        "versions": ", ".join(f"{name} {text}" for name, text in record["versions"].items()),
        "events": ", ".join(f"{number} {name}" for name, number in record["events"].items()),
        "folder": record["folder"],
        "files": ", ".join(record["files"]),
    }
    return "\n".join(f"{name:10} {value}" for name, value in lines.items())


def _epsilon(guarantee: Mapping[str, Any] | None) -> str:
    if guarantee is None or "epsilon" not in guarantee:
        return "-"
    return "none" if guarantee.get("void_reason") else round_up(float(guarantee["epsilon"]))


def _sentence(guarantee: Mapping[str, Any] | None) -> str:
    if guarantee is None:
        return "none stated"
    assumed = tuple(guarantee.get("assumptions", ()))
    try:
        stated = {**guarantee, "epsilon": float(guarantee["epsilon"]), "assumptions": assumed}
        return str(Guarantee(**stated))
    except (KeyError, TypeError):  # of another version: say what is there
        return _in_short(guarantee, room=10_000)


def _numbers(result: Mapping[str, Any], most: int = 2) -> str:
    """The first numbers of a result; its epsilon stands elsewhere."""
    found = [
        f"{name} {value:.4g}"
        for name, value in result.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and name != "epsilon"
    ]
    return ", ".join(found[:most])


def _progress(record: Mapping[str, Any]) -> str:
    if not record["progress"]:
        return "-"
    done, total = record["progress"]
    return f"{done:g} of {total:g}"


def _in_short(config: Mapping[str, Any], room: int = 60) -> str:
    """Settings that say something, in one line of at most ``room`` characters."""
    said = (
        f"{name}=({_in_short(value, room)})" if isinstance(value, Mapping) else f"{name}={value}"
        for name, value in config.items()
        if value is not None
    )
    text = " ".join(said)
    return text if len(text) <= room else f"{text[: room - 1]}…"
