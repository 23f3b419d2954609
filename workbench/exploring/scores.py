"""Which score of a training a study looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workbench.errors import BadInput
from workbench.exploring.events import Explored
from workbench.training.events import MAIN_SCORE

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "segmentation": ("dice",),
    "classification": ("auroc", "balanced_accuracy", "mcc"),
}
"""By task, what ``training.metrics.scores`` measures; the higher the better."""


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
    every = [name for names in METRICS.values() for name in names]
    if metric not in every:
        raise BadInput(f"There is no metric {metric!r}; choose {', '.join(every)}.", field="metric")
    if task is not None and metric not in METRICS[task]:
        raise BadInput(
            f"A {task} has no {metric}; choose {' or '.join(METRICS[task])}.", field="metric"
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


def best_runs(explored: Iterable[Explored]) -> list[Explored]:
    """At each epsilon the run with the highest score, in the order of epsilon."""
    best: dict[float, Explored] = {}
    for one in explored:
        # A score that is not a number is never higher.
        if one.score > best[one.epsilon].score if one.epsilon in best else one.score == one.score:
            best[one.epsilon] = one
    return [best[epsilon] for epsilon in sorted(best)]
