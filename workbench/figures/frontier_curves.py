"""The curves of a frontier: finished trainings, brought together by recipe and by budget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from workbench.exploring.events import Explored
from workbench.exploring.spread import Spread, spread

MOST_CURVES: Final = 7
"""More settings than this are not told apart: each of their trainings is a point, without lines."""

BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "dice": (0.0, 1.0),
    "dice_global": (0.0, 1.0),
    "hausdorff95": (0.0, math.inf),
    "auroc": (0.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "mcc": (-1.0, 1.0),
    "ece": (0.0, 1.0),
}
"""Lowest and highest value of each metric."""

_NOT_SETTINGS: Final = ("target_epsilon", "noise_multiplier")


class Point(NamedTuple):
    """One training.

    Attributes:
        run: its id.
        seed: of the run.
        score: by the metric of the figure.
        words: its settings, where a curve has several.
    """

    run: str
    seed: int
    score: float
    words: str = ""


class Place(NamedTuple):
    """The trainings of one curve at one budget.

    Attributes:
        epsilon: the budget, infinity without privacy.
        points: by seed.
        spread: of their scores.
    """

    epsilon: float
    points: tuple[Point, ...]
    spread: Spread


class Curve(NamedTuple):
    """What one recipe reaches.

    Attributes:
        name: of the recipe, or what sets it apart.
        places: finite budgets, ascending.
        without: the trainings without privacy, ``None`` where there are none.
        lined: whether a median means something; not where settings differ from point to point.
    """

    name: str
    places: tuple[Place, ...]
    without: Place | None
    lined: bool = True

    @property
    def interval(self) -> str:
        """What its intervals are, in the words of the place with the most trainings."""
        every = [*self.places, *filter(None, [self.without])]
        return max(every, key=lambda place: len(place.points)).spread.words if every else ""


def score_by(one: Explored, metric: str) -> float | None:
    """The score of a run by a metric; ``None`` where it was not measured or is not a number."""
    value = one.scores.get(metric, one.score if one.score_name == metric else math.nan)
    return None if math.isnan(value) else value


def curves_of(explored: Iterable[Explored], metric: str, name: str) -> list[Curve]:
    """One curve for each combination of settings other than the budget.

    A training without privacy belongs to every combination that differs from it in settings that
    only private trainings have.

    Args:
        explored: finished runs of one study.
        metric: those that lack it are left out.
        name: of the study; settings that vary are put behind it.
    """
    runs = [one for one in explored if score_by(one, metric) is not None]
    if not runs:
        return []
    settings = _settings(runs)
    if len(settings) > MOST_CURVES:
        title = f"{name}: {len(settings)} settings" if name else f"{len(settings)} settings"
        return [_curve(title, runs, metric, lined=False)]
    return [
        _curve(_title(name, one), [run for run in runs if _belongs(run, one)], metric)
        for one in settings
    ]


def _settings(runs: Sequence[Explored]) -> list[dict[str, Any]]:
    """The combinations that occur, in their order of appearance."""
    found: list[dict[str, Any]] = []
    for run in sorted(runs, key=lambda run: math.isinf(run.epsilon)):
        mine = {name: v for name, v in run.choices.items() if name not in _NOT_SETTINGS}
        covered = any(all(v is None or one.get(n) == v for n, v in mine.items()) for one in found)
        if not covered:
            found.append({n: v for n, v in mine.items() if v is not None})
    return sorted(found, key=lambda one: [(n, str(type(v)), v) for n, v in sorted(one.items())])


def _belongs(run: Explored, setting: Mapping[str, Any]) -> bool:
    return all(run.choices.get(name) in (None, value) for name, value in setting.items())


def _title(name: str, setting: Mapping[str, Any]) -> str:
    said = ", ".join(_said(setting))
    return f"{name}: {said}" if name and said else name or said


def _said(setting: Mapping[str, Any]) -> list[str]:
    """``["learning rate 0.001", "surgery"]``."""
    words = []
    for name, value in setting.items():
        shown = f"{value:g}" if isinstance(value, float) else str(value).lower()
        words.append(f"{name.replace('_', ' ')} {shown}")
    return words


def _curve(name: str, runs: Sequence[Explored], metric: str, *, lined: bool = True) -> Curve:
    by_budget: dict[float, list[Point]] = {}
    for run in sorted(runs, key=lambda run: (run.epsilon, run.seed)):
        score = score_by(run, metric)
        if score is not None:
            words = "" if lined else ", ".join(_said(run.choices))
            by_budget.setdefault(run.epsilon, []).append(Point(run.run, run.seed, score, words))
    places = [
        Place(epsilon, tuple(points), spread([one.score for one in points], BOUNDS[metric]))
        for epsilon, points in by_budget.items()
    ]
    return Curve(
        name=name,
        places=tuple(place for place in places if math.isfinite(place.epsilon)),
        without=next((place for place in places if math.isinf(place.epsilon)), None),
        lined=lined,
    )
