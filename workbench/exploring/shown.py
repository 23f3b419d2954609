"""What the finished runs of a study said about the same few validation slices, as recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from workbench.errors import BadInput
from workbench.exploring.events import Explored
from workbench.exploring.scores import LOWER_IS_BETTER
from workbench.runs.events import Started
from workbench.runs.store import Store

_PICTURES = ("images", "truths", "predictions")


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A finished run and what it left behind of ``K`` slices, each of another patient.

    Attributes:
        explored: the run.
        images: uint8 ``(K, H, W)``.
        truths: uint8 ``(K, H, W)`` class index of each pixel, or ``(K,)`` class of each slice.
        predictions: uint8 ``(K, H, W)`` probability of any foreground times 255, or float
            ``(K, classes)`` probabilities.
        attributions: int8 ``(K, H, W)``, -127 to 127; ``None`` where none was recorded.
        classes: their names.
    """

    explored: Explored
    images: np.ndarray
    truths: np.ndarray
    predictions: np.ndarray
    attributions: np.ndarray | None
    classes: tuple[str, ...]

    @property
    def segments(self) -> bool:
        """Whether pixels are predicted, not whole slices."""
        return self.truths.ndim == 3


def shown_by(explored: Explored, store: Store) -> Shown | None:
    """Read what a run left behind.

    Args:
        explored: the run.
        store: where it is recorded.

    Returns:
        ``None`` where its folder is gone or holds no pictures.
    """
    try:
        arrays = store.arrays(explored.run)
        classes = _classes(explored.run, store)
    except BadInput:
        return None
    if not all(name in arrays for name in _PICTURES):
        return None
    return Shown(
        explored=explored,
        images=arrays["images"],
        truths=arrays["truths"],
        predictions=arrays["predictions"],
        attributions=arrays.get("attributions"),
        classes=classes,
    )


def one_for_each_budget(explored: Iterable[Explored], run: str = "") -> list[Explored]:
    """Runs to lay side by side, in the order of epsilon, infinity last.

    Args:
        explored: finished runs of one study.
        run: that was opened. Then the others have its settings on all other axes where those
            apply to both, and its seed where there is such a run. Empty for none.

    Returns:
        For each epsilon the opened run, else the run with its seed, else the run with the median
        score; of two in the middle the worse.
    """
    every = list(explored)
    opened = next((one for one in every if one.run == run), None)
    alike = [one for one in every if opened is None or _goes_with(one, opened)]
    return [
        _chosen([one for one in alike if one.epsilon == epsilon], opened)
        for epsilon in sorted({one.epsilon for one in alike})
    ]


def at_most(runs: list[Explored], count: int, run: str = "") -> list[Explored]:
    """Evenly chosen ones where there are too many: the ends and the opened run are always there.

    Args:
        runs: in the order of epsilon.
        count: at most, >= 3.
        run: that was opened; empty for none.
    """
    if len(runs) <= count:
        return runs
    opened = [at for at, one in enumerate(runs) if one.run == run]
    places = {round(at) for at in np.linspace(0, len(runs) - 1, count - len(opened))}
    return [runs[at] for at in sorted(places.union(opened))]


def _goes_with(one: Explored, opened: Explored) -> bool:
    """Whether they differ in epsilon and seed alone; a setting that is ``None`` does not apply."""
    mine, its = one.choices, opened.choices
    return all(
        its[name] is None or value is None or value == its[name]
        for name, value in mine.items()
        if name in its and name != "noise_multiplier"
    )


def _chosen(runs: list[Explored], opened: Explored | None) -> Explored:
    if opened is not None:
        for wanted in (lambda one: one.run == opened.run, lambda one: one.seed == opened.seed):
            found = list(filter(wanted, runs))
            if found:
                return _median(found)
    return _median(runs)


def _median(runs: list[Explored]) -> Explored:
    def goodness(one: Explored) -> float:
        if math.isnan(one.score):
            return -math.inf
        return -one.score if one.score_name in LOWER_IS_BETTER else one.score

    return sorted(runs, key=lambda one: (goodness(one), one.seed))[(len(runs) - 1) // 2]


def _classes(run: str, store: Store) -> tuple[str, ...]:
    facts = next((e.facts for e in store.events(run) if isinstance(e, Started)), {})
    return tuple(str(name) for name in facts.get("classes", ()))
