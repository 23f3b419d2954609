"""A private step against an ordinary one, in every way: interleaved in one process, medians."""

from __future__ import annotations

import statistics
import time

from benchmarks.networks import CASES, WAYS, Case, Step, step_of

ROUNDS = 7


def measure() -> list[dict[str, object]]:
    """One row per network and way: wall and processor time as ratios to the ordinary step.

    Secure and seeded noise are drawn in a second thread; processor time counts both threads.
    """
    return [row for case in CASES for row in _case(case)]


def _case(case: Case) -> list[dict[str, object]]:
    steps: dict[str, Step] = {}
    refused: dict[str, str] = {}
    for way in ("ordinary", *WAYS, "vmap(grad)"):
        try:
            steps[way] = step_of(case, way)
            steps[way]()
        except Exception as error:  # what an engine cannot do is part of the comparison
            steps.pop(way, None)
            refused[way] = str(error).splitlines()[0][:70]
    wall, cpu = _interleaved(steps)
    ordinary = wall["ordinary"]
    rows: list[dict[str, object]] = [
        {
            "network": case.name,
            "way": way,
            "ms": round(1000 * statistics.median(wall[way]), 1),
            "time / ordinary": _ratio(wall[way], ordinary),
            "processor time / ordinary": _ratio(cpu[way], cpu["ordinary"]),
            "refused": "",
        }
        for way in steps
    ]
    nothing = {"ms": "", "time / ordinary": "", "processor time / ordinary": ""}
    rows += [
        {"network": case.name, "way": way, **nothing, "refused": why}
        for way, why in refused.items()
    ]
    return rows


def _interleaved(steps: dict[str, Step]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    wall: dict[str, list[float]] = {way: [] for way in steps}
    cpu: dict[str, list[float]] = {way: [] for way in steps}
    for _ in range(ROUNDS):
        for way, step in steps.items():
            began, worked = time.perf_counter(), time.process_time()
            step()
            wall[way].append(time.perf_counter() - began)
            cpu[way].append(time.process_time() - worked)
    return wall, cpu


def _ratio(times: list[float], ordinary: list[float]) -> float:
    """The median over rounds of the ratio within a round."""
    return round(statistics.median(a / b for a, b in zip(times, ordinary, strict=True)), 2)
