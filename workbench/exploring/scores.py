"""Which score of a training a study looks at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from workbench.errors import BadInput
from workbench.exploring.events import Explored
from workbench.training.events import MAIN_SCORE

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "segmentation": ("dice", "dice_global", "hausdorff95", "ece"),
    "classification": ("auroc", "balanced_accuracy", "mcc", "ece"),
}
"""By task, what ``training.metrics.scores`` measures."""

LOWER_IS_BETTER: Final = frozenset({"hausdorff95", "ece"})
"""A distance and an error; of all other scores more is better."""

ALL_METRICS: Final = tuple(dict.fromkeys(name for names in METRICS.values() for name in names))
"""Every metric of any task, once."""


def check_metric(metric: str | None, task: str | None = None) -> None:
    """Refuse a score that nobody measures, or that the task does not have.

    Args:
        metric: to look at; ``None`` takes the task's main score.
        task: where it is known.

    Raises:
        BadInput: there is no such score, or the task lacks it.
    """
    if metric is None:
        return
    if metric not in ALL_METRICS:
        raise BadInput(
            f"There is no metric {metric!r}; choose {', '.join(ALL_METRICS)}.", field="metric"
        )
    if task is not None and metric not in METRICS[task]:
        *first, last = METRICS[task]
        raise BadInput(
            f"A {task} has no {metric}; choose {', '.join(first)} or {last}.", field="metric"
        )


def score_of(result: Mapping[str, Any], metric: str | None = None) -> tuple[str, float]:
    """Name and value of the score in a training's result.

    Raises:
        BadInput: the training has no such score.
    """
    main = next((task for task, name in MAIN_SCORE.items() if name in result), None)
    if metric is not None and metric not in result:
        check_metric(metric, main)
        raise BadInput(
            f"The finished trainings were not measured by {metric}; choose another metric.",
            field="metric",
        )
    name = metric or MAIN_SCORE[main or "segmentation"]
    return name, float(result[name])


def all_scores(result: Mapping[str, Any]) -> dict[str, float]:
    """Every score in a training's result, by name; one that was not measured is left out."""
    return {name: float(result[name]) for name in ALL_METRICS if result.get(name) is not None}


def all_groups(result: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The scores of each group of validation patients, with their ``count``; empty without any."""
    groups: Mapping[str, Mapping[str, Any]] = result.get("groups") or {}
    return {
        group: {name: float(value) for name, value in scores.items() if value is not None}
        for group, scores in groups.items()
    }


def better(metric: str, score: float, other: float) -> bool:
    """Whether a score beats another one; one that is not a number beats none and loses to all."""
    if score != score or other != other:
        return score == score
    return score < other if metric in LOWER_IS_BETTER else score > other


def best_runs(explored: Iterable[Explored]) -> list[Explored]:
    """At each epsilon the run with the best score, in the order of epsilon."""
    best: dict[float, Explored] = {}
    for one in explored:
        before = best[one.epsilon].score if one.epsilon in best else math.nan
        if better(one.score_name, one.score, before):
            best[one.epsilon] = one
    return [best[epsilon] for epsilon in sorted(best)]
