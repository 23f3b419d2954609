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
from workbench.exploring.contradictions import check_budgets, check_pretraining, check_search
from workbench.exploring.scores import check_metric
from workbench.exploring.search import Point, grid, random
from workbench.exploring.trial import Trial
from workbench.runs.configs import config_key, config_to_json, values_key
from workbench.training.config import PrivacyConfig, TrainConfig

_BUDGET: Final = ("metric", "runs", "minutes")
"""How long and at what one looks, which does not change what a training finds."""
_LATER: Final[Mapping[str, Any]] = {
    "axes": {},
    "ranges": {},
    "search": "grid",
    "pretraining": None,
}
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
        ranges: by name the lowest and highest value to draw between; not for a grid.
        search: ``"grid"`` tries every combination, ``"random"`` draws points from all axes,
            ``"bayesian"`` learns from the scores which points to try, at each epsilon by itself.
        runs: trainings at most, >= 1; ``None`` is the whole grid. The other searches need it.
        minutes: after which no further training begins, > 0, in one sitting and without pauses;
            ``None`` for no such end.
        metric: score to compare by; ``None`` takes the main one of the task.
        pretraining: a training on drawn patients, without privacy, that is carried out first and
            once; every training of the study begins from its weights. It is part of the study, the
            run that it becomes is not: the same settings are the same study in every workspace.

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
    search: Literal["grid", "random", "bayesian"] = "grid"
    runs: int | None = None
    minutes: float | None = None
    metric: str | None = None
    pretraining: TrainConfig | None = None

    def __post_init__(self) -> None:
        check_range("seeds", self.seeds, "[1, inf)")
        check_choice("search", self.search, ("grid", "random", "bayesian"))
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
        object.__setattr__(self, "epsilons", tuple(float(epsilon) for epsilon in self.epsilons))
        check_budgets(self)
        check_search(self)
        if self.pretraining is not None:
            check_pretraining(self, self.pretraining)

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

    @property
    def size(self) -> int:
        """How many trainings there are, or of a Bayesian search how many at most."""
        return self.runs or 0 if self.search == "bayesian" else len(self.trials())

    def trials(self) -> list[Trial]:
        """All runs, each once. A grid goes seed by seed, so that a whole curve stands early.

        What a Bayesian search tries follows from its scores: of it none is known beforehand.
        """
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
        if self.search == "bayesian":
            return iter(())
        if self.search == "grid":
            pairs = ((point, seed) for seed in seeds for point in grid(axes))
        else:
            points = itertools.islice(random(axes, self.ranges), _DRAWS_PER_RUN * (self.runs or 1))
            pairs = ((point, seed) for point in points for seed in seeds)
        return (self.trial_at(point, seed) for point, seed in pairs)

    def trial_at(self, point: Point, seed: int) -> Trial:
        """The training at a point of the axes.

        Args:
            point: a value for each of them; where it trains without privacy, those that change
                nothing may be missing.
            seed: of the run.
        """
        epsilon = float(point.get("target_epsilon", math.nan))
        choices: dict[str, Value | None] = {
            name: None if epsilon == math.inf and name in PRIVATE_ONLY else point[name]
            for name in sorted({*self.axes, *self.ranges} - {"target_epsilon"})
        }
        config = with_choices(self.train, {**point})
        return Trial(epsilon=epsilon, seed=seed, config=replace(config, seed=seed), choices=choices)

    def trial_of(self, values: Mapping[str, Any]) -> Trial | None:
        """The inverse: where a recorded training stands; ``None`` where it is none of this study.

        Args:
            values: its config, as it is recorded.
        """
        flat = {**values, **(values["privacy"] or {"target_epsilon": math.inf})}
        varied = {*self.axes, *self.ranges, *(["target_epsilon"] if self.epsilons else [])}
        point = {name: flat[name] for name in varied if flat.get(name) is not None}
        try:
            trial = self.trial_at(point, int(values["seed"])).begun_from(values["pretrained"])
        except (BadInput, KeyError):
            return None
        return trial if config_key(trial.config) == values_key(dict(values)) else None
