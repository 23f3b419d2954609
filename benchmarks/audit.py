"""How close an audit comes to what is claimed, how often it cries wolf, and what it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from workbench.auditing.audit import audit, planned
from workbench.auditing.config import AuditConfig
from workbench.auditing.every import every
from workbench.auditing.zoo.table import zoo_table
from workbench.runs.events import Event, Finished

REPEATS = 3
AUDITS = 200
SIZES = {"quick": (2000, 6000), "thorough": (8000, 10_000)}


def measure() -> list[dict[str, object]]:
    """The ladder on a correct training: medians of three audits, planned beforehand."""
    return [_tightness(name, *size) for name, size in SIZES.items()]


def false_alarms() -> list[dict[str, object]]:
    """Two hundred small audits of correct engines, each engine as often as the others."""
    correct = [config for config in every(nightly=False).values() if not config.accept]
    began, seconds = time.monotonic(), time.process_time()
    # Not one level for all of them together: each is a gate of its own.
    results = [
        _result(audit(AuditConfig(**vars(config) | {"level": 1e-4})))
        for config in islice(cycle(correct), AUDITS)
    ]
    return [
        {
            "audits of correct engines": len(results),
            "false alarms": sum(bool(result["caught_by"]) for result in results),
            "least p of all tests": min(min(_p_values(result)) for result in results),
            "tests": sum(len(list(_p_values(result))) for result in results),
            "seconds": round(time.monotonic() - began, 1),
            "processor seconds": round(time.process_time() - seconds, 1),
        }
    ]


def zoo() -> list[dict[str, object]]:
    """Every bug and no bug once, at small size."""
    began, seconds = time.monotonic(), time.process_time()
    result = _result(zoo_table())
    return [
        {
            "bugs": len(result["rows"]) - 1,
            "missed": ", ".join(result["missed"]) or "none",
            "false alarms": ", ".join(result["false_alarms"]) or "none",
            "seconds": round(time.monotonic() - began, 1),
            "processor seconds": round(time.process_time() - seconds, 1),
        }
    ]


def _tightness(name: str, canaries: int, nulls: int) -> dict[str, object]:
    config = AuditConfig(canaries=canaries, nulls=nulls)
    began = time.process_time()
    planned(config)
    planning = time.process_time() - began
    rows, seconds = [], []
    for _ in range(REPEATS):
        began = time.process_time()
        rows.append(_result(audit(config)))
        seconds.append(time.process_time() - began)
    claimed = rows[0]["epsilon_claimed"]

    def share(key: str) -> float:
        return round(statistics.median(row[f"epsilon_{key}"] for row in rows) / claimed, 3)

    return {
        "size": f"{name}, {canaries} canaries, {nulls} nulls",
        "claimed": round(claimed, 3),
        "per-step / claimed": share("per_step"),
        "end-to-end / claimed": share("end_to_end"),
        "one run, f-DP / claimed": share("one_run_fdp"),
        "one run / claimed": share("steinke"),
        "error counts / claimed": share("clopper_pearson"),
        "processor seconds": round(statistics.median(seconds), 1),
        "planning": round(planning, 1),
    }


def _p_values(result: dict[str, Any]) -> Iterator[float]:
    for one in (*result["probes"], *result["ladder"]):
        yield one["p_value"]


def _result(events: Iterator[Event]) -> dict[str, Any]:
    *_, last = events
    assert isinstance(last, Finished)
    return dict(last.result)
