"""A private step against an ordinary one, in every way: interleaved in one process, medians."""

from __future__ import annotations

import statistics
import time
from typing import NamedTuple

from benchmarks.networks import CASES, LOWERED, WAYS, Case, Step, step_of

# Short steps are timed more often: at least so many rounds, and until a way has run so long.
ROUNDS, SECONDS = 7, 1.0
MEASURED = ("ms", "time / ordinary", "quartiles", "processor time / ordinary")


class Taken(NamedTuple):
    """What a step took, in seconds."""

    wall: float
    processor: float


def measure() -> list[dict[str, object]]:
    """One row per network and way: wall and processor time as ratios to the ordinary step.

    Every step has an ordinary one of the same precision directly before it, and its ratios are
    to that one: what else the machine does changes slowly against two steps. Secure and seeded
    noise are drawn in a second thread; processor time counts both threads.
    """
    return [row for case in CASES for row in _case(case)]


def _case(case: Case) -> list[dict[str, object]]:
    steps: dict[str, Step] = {}
    rows: list[dict[str, object]] = []
    for way in ("ordinary", "ordinary" + LOWERED, *WAYS, "vmap(grad)"):
        try:
            steps[way] = step_of(case, way)
            for _ in range(2):  # a first step asks for memory, chooses ways and probes
                steps[way]()
        except Exception as error:  # what an engine cannot do is part of the comparison
            steps.pop(way, None)
            nothing = dict.fromkeys(MEASURED, "")
            why = str(error).splitlines()[0][:70]
            rows.append({"network": case.name, "way": way, **nothing, "refused": why})
    pairs = _interleaved(steps)
    return [
        {"network": case.name, "way": way, **_columns(pairs[way]), "refused": ""} for way in steps
    ] + rows


def _interleaved(steps: dict[str, Step]) -> dict[str, list[tuple[Taken, Taken]]]:
    """For every way and round: what the ordinary step before it took, and what it took."""
    pairs: dict[str, list[tuple[Taken, Taken]]] = {way: [] for way in steps}
    while True:
        going = [way for way in steps if not _enough(pairs[way])]
        if not going:
            return pairs
        for way in going:
            lowered = way.endswith(LOWERED) and way != "ordinary" + LOWERED
            before = steps["ordinary" + LOWERED * lowered]
            pairs[way].append((_taken(before), _taken(steps[way])))


def _enough(pairs: list[tuple[Taken, Taken]]) -> bool:
    return len(pairs) >= ROUNDS and sum(own.wall for _, own in pairs) >= SECONDS


def _taken(step: Step) -> Taken:
    began, worked = time.perf_counter(), time.process_time()
    step()
    return Taken(time.perf_counter() - began, time.process_time() - worked)


def _columns(pairs: list[tuple[Taken, Taken]]) -> dict[str, object]:
    """Medians over rounds; a ratio is taken within a round, its quartiles stand beside it."""
    ratios = [own.wall / ordinary.wall for ordinary, own in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    worked = [own.processor / ordinary.processor for ordinary, own in pairs]
    values = (
        round(1000 * statistics.median(own.wall for _, own in pairs), 1),
        round(middle, 2),
        f"{low:.2f} to {high:.2f}",
        round(statistics.median(worked), 2),
    )
    return dict(zip(MEASURED, values, strict=True))
