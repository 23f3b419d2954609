"""``python -m benchmarks [NAME[:ROWS] ...]``: tables as Markdown, then all rows as a line of JSON.

``inversion:ReLU`` measures the rows of that table whose name contains ``ReLU``.
"""

from __future__ import annotations

import json
import sys

import torch

from benchmarks import (
    accountant_time,
    audit,
    job_latency,
    membership,
    step_memory,
    step_time,
    sweep_speed,
)
from benchmarks.inversion import recipes, targets
from workbench.runs.allocator import keep_freed_memory

TABLES = {
    "step-time": step_time.measure,
    "step-memory": step_memory.measure,
    "accountants": accountant_time.measure,
    "job-latency": job_latency.measure,
    "sweep-speed": sweep_speed.measure,
    "audit": audit.measure,
    "audit-alarms": audit.false_alarms,
    "audit-zoo": audit.zoo,
    "membership": membership.measure,
    "inversion": targets.measure,
    "inversion-recipes": recipes.measure,
}


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    names = sys.argv[1:] or list(TABLES)
    results = {}
    for asked in names:
        name, _, only = asked.partition(":")
        rows = results[name] = TABLES[name](*([only] if only else []))
        print(f"\n## {name}\n\n{_markdown(rows)}", flush=True)
    print(json.dumps(results))


def _markdown(rows: list[dict[str, object]]) -> str:
    titles = list(rows[0])
    lines = [titles, ["---"] * len(titles), *([str(row[t]) for t in titles] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
