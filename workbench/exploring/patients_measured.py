"""What a study that varies the number of patients has measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.scores import LOWER_IS_BETTER
from workbench.exploring.study_file import recalled
from workbench.runs.store import Store

AXIS: Final = "patients"
_LEAST_SIZES: Final = 3
_LEAST_SEEDS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Size:
    """What was measured with one number of patients.

    Attributes:
        patients: that were trained on.
        private: scores of the runs at the budget, by seed.
        without: scores of those without privacy, by seed.
        gap: how much worse the mean of the first is than that of the second.
    """

    patients: int
    private: tuple[float, ...]
    without: tuple[float, ...]
    gap: float


def studies_over_patients(store: Store) -> dict[str, ExploreConfig]:
    """The studies in this workspace that vary the number of patients, by name.

    Args:
        store: where they are written down; a file that cannot be read is left out.
    """
    found = {}
    for file in sorted((store.root / "studies").glob("*.json")):
        try:
            config = recalled(file.stem, store)
        except BadInput:
            continue
        if AXIS in {*config.axes, *config.ranges}:
            found[config.study] = config
    return found


def measured_sizes(
    explored: Iterable[Explored], *, epsilon: float, metric: str
) -> tuple[Size, ...]:
    """The numbers of patients at which both kinds of runs were measured often enough.

    Args:
        explored: finished runs of a study that varies ``patients``.
        epsilon: budget of the private ones.
        metric: that scores are compared by.

    Returns:
        By number of patients, three or more.

    Raises:
        BadInput: fewer than three numbers of patients have two runs or more with and without
            privacy, or something else was varied too.
    """
    by_place: dict[tuple[int, bool], list[float]] = {}
    settings: dict[str, set[object]] = {}
    for run in sorted(explored, key=lambda run: run.seed):
        score = run.scores.get(metric, run.score if run.score_name == metric else math.nan)
        patients = run.choices.get(AXIS)
        if patients is None or not math.isfinite(score) or run.epsilon not in (epsilon, math.inf):
            continue
        by_place.setdefault((int(patients), math.isinf(run.epsilon)), []).append(score)
        _remember(settings, run.choices)
    _refuse_more_than_one(settings)
    counts = sorted({patients for patients, _ in by_place})
    found = [
        _size(n, by_place.get((n, False), []), by_place.get((n, True), []), metric) for n in counts
    ]
    enough = [s for s in found if min(len(s.private), len(s.without)) >= _LEAST_SEEDS]
    if len(enough) < _LEAST_SIZES:
        raise BadInput(
            f"At least {_LEAST_SIZES} numbers of patients are needed, each with {_LEAST_SEEDS} "
            f"seeds or more at epsilon {epsilon:g} and without privacy; there are {len(enough)}. "
            "Explore the axis patients, for example at 50, 100, 200 and 400.",
            field="study",
        )
    return tuple(enough)


def _size(patients: int, private: list[float], without: list[float], metric: str) -> Size:
    sign = -1 if metric in LOWER_IS_BETTER else 1
    there = private and without
    gap = sign * (float(np.mean(without)) - float(np.mean(private))) if there else math.nan
    return Size(patients=patients, private=tuple(private), without=tuple(without), gap=gap)


def _remember(settings: dict[str, set[object]], choices: Mapping[str, object]) -> None:
    for name, value in choices.items():
        if name not in (AXIS, "target_epsilon") and value is not None:
            settings.setdefault(name, set()).add(value)


def _refuse_more_than_one(settings: Mapping[str, set[object]]) -> None:
    varied = next((name for name, values in settings.items() if len(values) > 1), None)
    if varied:
        raise BadInput(
            f"This study varies {varied} too, so its gaps are not those of patients alone; explore "
            "the axis patients by itself.",
            field="study",
        )
