"""What a study of epsilon against utility is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from workbench.errors import BadInput, check_choice, check_range
from workbench.exploring.axes import (
    PRIVATE_ONLY,
    Value,
    checked_range,
    checked_values,
    with_choices,
)
from workbench.exploring.scores import check_metric
from workbench.exploring.search import Point, grid, random
from workbench.exploring.trial import Trial
from workbench.runs.configs import config_key, config_to_json, values_key
from workbench.training.config import PrivacyConfig, TrainConfig

_BUDGET: Final = ("metric", "runs", "minutes")
"""How long and at what one looks, which does not change what a training finds."""
_LATER: Final[Mapping[str, Any]] = {"axes": {}, "ranges": {}, "search": "grid"}
"""Settings that studies of older versions did not have, at the value that they meant."""
_DRAWS_PER_RUN: Final = 50
"""So often may a random search draw what it has drawn before, until nothing new is expected."""


@dataclass(frozen=True, kw_only=True)
class ExploreConfig:
    """Trainings that differ in budget, seed and whatever else is to be compared.

    Args:
        train: what every run shares. Its ``privacy`` gives delta, unit and clipping norm; its
            target epsilon and seed are replaced.
        epsilons: budgets to try, each > 0; infinity trains without privacy. Empty where
            ``noise_multiplier`` or a range of ``target_epsilon`` takes their place.
        seeds: how many seeds, numbered from 0, >= 1.
        axes: by name (``axes.AXES``) the values to try.
        ranges: by name the lowest and highest value to draw between; for a random search.
        search: ``"grid"`` tries every combination, ``"random"`` draws points from all axes.
        runs: trainings at most, >= 1; ``None`` is the whole grid. A random search needs it.
        minutes: after which no further training begins, > 0, in one sitting and without pauses;
            ``None`` for no such end.
        metric: score to compare by; ``None`` takes the main one of the task.

    Raises:
        BadInput: a setting is out of its range, stands twice, or contradicts another one.
    """

    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(privacy=PrivacyConfig(target_epsilon=8.0))
    )
    epsilons: tuple[float, ...] = (1.0, 3.0, 8.0, math.inf)
    seeds: int = 2
    axes: dict[str, tuple[int | float | str | bool, ...]] = field(default_factory=dict, hash=False)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict, hash=False)
    search: Literal["grid", "random"] = "grid"
    runs: int | None = None
    minutes: float | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        check_range("seeds", self.seeds, "[1, inf)")
        check_choice("search", self.search, ("grid", "random"))
        if self.runs is not None:
            check_range("runs", self.runs, "[1, inf)")
        if self.minutes is not None:
            check_range("minutes", self.minutes, "(0, inf)")
        check_metric(self.metric, self.train.task)
        if self.train.privacy is None:
            raise BadInput(
                "Exploring needs privacy settings (delta, unit, clipping norm) to explore with.",
                field="train",
            )
        self._check_axes()
        self._check_budgets()
        self._check_search()

    def _check_axes(self) -> None:
        axes = {name: checked_values(name, v, self.train) for name, v in self.axes.items()}
        ranges = {name: checked_range(name, ends, self.train) for name, ends in self.ranges.items()}
        if "target_epsilon" in axes:
            raise BadInput(
                "The budgets to try stand in epsilons; leave target_epsilon out of the axes.",
                field="epsilons",
            )
        for name in axes.keys() & ranges.keys():
            raise BadInput(f"{name} has values and a range; keep one of the two.", field=name)
        # Sorted and in their own types, so that equal studies are equal down to the file.
        object.__setattr__(self, "axes", dict(sorted(axes.items())))
        object.__setattr__(self, "ranges", dict(sorted(ranges.items())))

    def _check_budgets(self) -> None:
        budgets = tuple(float(epsilon) for epsilon in self.epsilons)
        object.__setattr__(self, "epsilons", budgets)
        varied = {*self.axes, *self.ranges}
        instead = varied & {"noise_multiplier", "target_epsilon"}
        if not budgets and not instead:
            raise BadInput("Name at least one epsilon to explore.", field="epsilons")
        wrong = [epsilon for epsilon in budgets if not epsilon > 0]
        if wrong:
            raise BadInput(
                f"Every epsilon must be above 0, not {wrong[0]:g}; inf trains without privacy.",
                field="epsilons",
            )
        if len(set(budgets)) < len(budgets):
            raise BadInput("An epsilon stands twice in the list; name each once.", field="epsilons")
        if "noise_multiplier" in varied and math.inf in budgets:
            raise BadInput(
                "An epsilon of infinity trains without noise, and a noise multiplier asks for "
                "some; explore one of the two.",
                field="epsilons",
            )
        if len(instead) + bool(budgets) > 1:
            raise BadInput(
                "Explore epsilons or noise multipliers, by values or in a range, not two of "
                "these at once: each follows from the other.",
                field="epsilons",
            )
        idle = sorted(varied & PRIVATE_ONLY)
        if budgets == (math.inf,) and idle:
            raise BadInput(
                f"{idle[0]} changes nothing in trainings without privacy; name a finite epsilon, "
                "or leave it out.",
                field=idle[0],
            )

    def _check_search(self) -> None:
        if self.search == "grid" and self.ranges:
            name = next(iter(self.ranges))
            raise BadInput(
                f"A grid needs the values of {name}; a range is for a random search.", field=name
            )
        if self.search == "grid":
            return
        if not (self.axes or self.ranges):
            raise BadInput("A random search needs axes or ranges to draw from.", field="axes")
        if self.runs is None:
            raise BadInput(
                "A random search goes on for ever; say after how many runs it ends.", field="runs"
            )

    @property
    def study(self) -> str:
        """The name under which its runs are found again: the same config is the same study.

        A larger budget, or another metric, goes on with the same study.
        """
        values = config_to_json(self)
        for name in _BUDGET:
            del values[name]
        later = {name for name, meant in _LATER.items() if values[name] == meant}
        return f"study-{values_key({n: v for n, v in values.items() if n not in later})}"

    def trials(self) -> list[Trial]:
        """All runs, each once. A grid goes seed by seed, so that a whole curve stands early."""
        found: dict[str, Trial] = {}
        for trial in self._candidates():
            found.setdefault(config_key(trial.config), trial)
            if len(found) == self.runs:
                break
        return list(found.values())

    def _candidates(self) -> Iterator[Trial]:
        axes: dict[str, tuple[Value, ...]] = dict(self.axes)
        if self.epsilons:
            axes["target_epsilon"] = self.epsilons
        seeds = range(self.seeds)
        if self.search == "grid":
            pairs = ((point, seed) for seed in seeds for point in grid(axes))
        else:
            points = itertools.islice(random(axes, self.ranges), _DRAWS_PER_RUN * (self.runs or 1))
            pairs = ((point, seed) for point in points for seed in seeds)
        return (self._trial(point, seed) for point, seed in pairs)

    def _trial(self, point: Point, seed: int) -> Trial:
        epsilon = float(point.get("target_epsilon", math.nan))
        choices: dict[str, Value | None] = {
            name: None if epsilon == math.inf and name in PRIVATE_ONLY else value
            for name, value in sorted(point.items())
            if name != "target_epsilon"
        }
        config = with_choices(self.train, {**point})
        return Trial(epsilon=epsilon, seed=seed, config=replace(config, seed=seed), choices=choices)
