"""Which test catches which bug, found out by auditing every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.auditing.audit import audit
from workbench.auditing.config import AuditConfig
from workbench.auditing.every import SMALL
from workbench.auditing.zoo.catalogue import BUGS
from workbench.auditing.zoo.tried import NO_BUG, Tried
from workbench.runs.attempt import Attempt
from workbench.runs.events import Event, Finished, Progress, to_json


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`zoo_table` for a background job, which has nothing to choose."""
    del config, attempt
    return zoo_table()


def zoo_table() -> Iterator[Event]:
    """Audit the correct training and every bug, each at small size.

    Yields:
        ``Progress`` at least twice a second; ``Tried`` for every row; ``Finished`` with the rows,
        the names of all tests, and the bugs that were missed.
    """
    rows: list[Tried] = []
    names = (NO_BUG, *BUGS)
    for number, name in enumerate(names):
        doing = f"auditing: {_title(name)}"
        for event in audit(_config(name)):
            if isinstance(event, Finished):
                rows.append(_row(name, event.result))
                yield rows[-1]
            elif isinstance(event, Progress):
                yield Progress(done=number, total=len(names), doing=doing)
    yield Finished(result=to_json(_table(rows)))


def _config(name: str) -> AuditConfig:
    return AuditConfig(bug=None if name == NO_BUG else name, **SMALL)


def _title(name: str) -> str:
    return "No bug" if name == NO_BUG else BUGS[name].title


def _row(name: str, result: Mapping[str, Any]) -> Tried:
    tests = {probe["test"]: probe["p_value"] for probe in result["probes"]}
    rungs = {rung["name"]: rung for rung in result["ladder"]}
    return Tried(
        bug=name,
        title=_title(name),
        verdict=result["verdict"],
        says=result["says"],
        caught_by=tuple(result["caught_by"]),
        rooms={probe["test"]: probe["room"] for probe in result["probes"]},
        p_values=tests | {rung: values["p_value"] for rung, values in rungs.items()},
        epsilons={rung: values["epsilon"] for rung, values in rungs.items()},
        epsilon_claimed=result["epsilon_claimed"],
        seconds=result["seconds"],
    )


def _table(rows: list[Tried]) -> dict[str, Any]:
    # A test that needs finite values is missing from some rows, so all rows are asked.
    tests = dict.fromkeys(test for row in rows for test in row.p_values)
    return {
        "rows": [vars(row) for row in rows],
        "tests": list(tests),
        "missed": [row.bug for row in rows if row.bug != NO_BUG and not row.caught_by],
        "false_alarms": [test for row in rows if row.bug == NO_BUG for test in row.caught_by],
        "seconds": sum(row.seconds for row in rows),
    }
