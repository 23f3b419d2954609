"""What ``workbench ledger`` says to a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.accounting.guarantee import round_up

Values = Mapping[str, Any]

ACCOUNTS = ("data", "fingerprint", "patients", "runs", "epsilon", "delta", "budget", "left")
RUNS = ("run", "begun", "status", "steps", "unit", "alone", "composed")


def words_for(result: Values) -> str:
    """Lines of text for what the command returned."""
    if "accounts" in result:
        return _accounts(result)
    if "runs" in result:
        return _runs(result)
    if "standing" in result:
        return _verdict(result)
    return _budget(result["account"]) if "budget_set" in result else _cost(result)


def _accounts(result: Values) -> str:
    if not result["lines"]:
        return "Nothing has been charged in this workspace yet."
    table = [ACCOUNTS, *(_account(account) for account in result["accounts"])]
    notes = [note for account in result["accounts"] for note in _notes(account)]
    return "\n".join([*_aligned(table), "", *notes, *_head(result)])


def _account(account: Values) -> tuple[str, ...]:
    return (
        ", ".join(account["names"]),
        ", ".join(mark[:8] for mark in account["fingerprints"]),
        str(account["patients"]),
        str(account["runs"]),
        _number(account["epsilon"]),
        "-" if account["delta"] is None else f"{account['delta']:g}",
        _limits(account["budget"]),
        _left(account),
    )


def _runs(result: Values) -> str:
    table = [RUNS, *(_run(run) for run in result["runs"])]
    return "\n".join([*_aligned(table), "", *_notes(result["account"]), _standing(result)])


def _run(run: Values) -> tuple[str, ...]:
    protects = run["unprotected"] is None
    status = run["status"] if protects else f"{run['status']}, {run['unprotected']}"
    return (
        run["run"],
        run["at"][:16].replace("T", " "),
        status,
        f"{run['steps']} of {run['planned_steps']}",
        run["unit"] if run["group"] == 1 else f"slice, {run['group']} of one patient",
        _number(run["epsilon_alone"]),
        _number(run["epsilon_composed"]) if protects else "-",
    )


def _standing(result: Values) -> str:
    account = result["account"]
    at = "" if account["delta"] is None else f" at delta {account['delta']:g}"
    limits = "no budget" if account["budget"] is None else f"budget {_limits(account['budget'])}"
    return (
        f"{account['name']}: epsilon {_number(account['epsilon'])}{at} per patient, {limits}, "
        f"left {_left(account)}."
    )


def _verdict(result: Values) -> str:
    lines = [
        f"{result['path']}: {result['lines']} lines, every hash and link fits.",
        *_head(result),
    ]
    if result["compared_with"]:
        lines.append(f"The head {result['compared_with']} is among them: nothing was cut since.")
    if result["unfinished"]:
        lines.append(
            "After them stands a piece of a line whose writer died; the next line replaces it."
        )
    return "\n".join([*lines, *result["standing"]])


def _budget(account: Values) -> str:
    limits = account["budget"]
    said = (
        f"{account['name']} has a budget of {_limits(limits)} at delta {limits['delta']:g} per "
        f"patient; {_number(account['epsilon'])} is spent, left {_left(account)}."
    )
    return "\n".join([said, *_notes(account)])


def _cost(result: Values) -> str:
    said = (
        f"{result['steps']} steps would bring {result['data']} from epsilon "
        f"{_number(result['before'])} to {_number(result['after'])} at delta {result['delta']:g} "
        "per patient"
    )
    if result["budget"] is None:
        return f"{said}; there is no budget."
    room, limits = result["room"], _limits(result["budget"])
    if room >= result["steps"]:
        return f"{said}, within the budget of {limits}."
    return f"{said}, above the budget of {limits}: {room} of its steps would fit."


def _notes(account: Values) -> list[str]:
    notes = []
    if account["unprotected"]:
        notes.append(
            f"{account['name']}: {account['unprotected']} of {account['runs']} runs protect nobody "
            "and are not in this epsilon; for whoever sees their results it is infinite."
        )
    if account["open"]:
        notes.append(
            f"{account['name']}: {account['open']} of {account['runs']} runs are charged in full, "
            "as they have not reported their end."
        )
    return notes


def _left(account: Values) -> str:
    left = account["left"]
    if left is None:
        return "-"
    # Rounded down: what is left is never said to be more than it is.
    return f"{int(left * 100) / 100:.2f}" if left >= 0 else f"overspent by {round_up(-left)}"


def _limits(budget: Values | None) -> str:
    return "-" if budget is None else f"{budget['epsilon']:g} ({budget['policy']})"


def _number(epsilon: float | str) -> str:
    return round_up(float(epsilon))


def _head(result: Values) -> list[str]:
    return [f"Head {result['head']}: write it down elsewhere to compare with later."]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
