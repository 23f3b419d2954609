"""A search that learns: what is tried next follows from the scores so far (Optuna's TPE).

More epsilon always scores higher, so a search over budgets would find nothing but the largest one.
Each promise (epsilon or noise, and unit) is therefore searched by itself, all of them in turns.
The first points of each are those of the random search; from then on the tree-structured Parzen
estimator proposes (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization").

Optuna remembers nothing: every proposal is made from the whole history, which is in our store. So
a study that is taken up again proposes what it would have proposed without the break.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from workbench.exploring.axes import AXES, Value, settled
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.scores import LOWER_IS_BETTER
from workbench.exploring.search import Point
from workbench.exploring.spaces import Space, spaces
from workbench.exploring.trial import Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STARTUP: Final = 6
"""Points of the random search at each promise before the scores are asked."""

_TRIES: Final = 10
"""Proposals of what was tried before, after which a random point is taken instead."""
_DRAWS_PER_POINT: Final = 50

_Key: TypeAlias = frozenset[tuple[str, Value]]


@dataclass
class _Tried:
    """A point at work or done."""

    space: int
    point: Point
    scores: dict[int, float] = field(default_factory=dict)

    def score(self, seeds: int) -> float | None:
        """The median over the seeds; ``None`` where one is missing or is not a number."""
        known = list(self.scores.values())
        return median(known) if len(known) == seeds and not any(map(math.isnan, known)) else None


class Bayesian:
    """Proposes points from scores; what earlier sittings have found is told to it first.

    All seeds of a point are trained. A point without a score counts as a bad one (constant liar),
    so that those who train beside it look elsewhere.

    Args:
        config: the study; its ``runs`` count the trainings that are told as well.
    """

    def __init__(self, config: ExploreConfig) -> None:
        self._config = config
        self._spaces = spaces(config)
        self._tried: dict[_Key, _Tried] = {}
        self._exhausted: set[int] = set()
        self._waiting: list[Trial] = []
        self._given: set[tuple[_Key, int]] = set()

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._waiting[: len(self)])

    def __len__(self) -> int:
        left = max(0, (self._config.runs or 0) - len(self._given))
        return min(left, len(self._waiting)) if self._all_tried else left

    def ask(self) -> Trial | None:
        """The next training; ``None`` where the budget is used up or everything was tried."""
        if len(self) and not self._waiting:
            self._choose()
        if not len(self):
            return None
        trial = self._waiting.pop(0)
        self._given.add(self._place(trial))
        return trial

    def again(self, trial: Trial) -> None:
        """Put a training before all others."""
        self._given.discard(self._place(trial))
        self._waiting.insert(0, trial)

    def tell(self, explored: Explored) -> None:
        """Learn from a score, of this sitting or an earlier one."""
        key, seed = self._place(explored)
        if key not in self._tried:
            self._take_up(dict(key))
        self._tried[key].scores[seed] = explored.score
        self._given.add((key, seed))
        self._waiting = [trial for trial in self._waiting if self._place(trial) != (key, seed)]

    @property
    def _all_tried(self) -> bool:
        return len(self._exhausted) == len(self._spaces)

    def _choose(self) -> None:
        """Take up the next point at the promise where fewest were tried so far."""
        while not self._all_tried:
            counts = [
                (sum(one.space == number for one in self._tried.values()), number)
                for number in range(len(self._spaces))
                if number not in self._exhausted
            ]
            _, number = min(counts)
            point = self._proposed(number)
            if point is not None:
                return self._take_up(point)
            self._exhausted.add(number)

    def _take_up(self, point: Point) -> None:
        number = next(
            number
            for number, space in enumerate(self._spaces)
            if space.promise.items() <= point.items()
        )
        self._tried[_key(point)] = _Tried(number, point)
        self._waiting += [self._config.trial_at(point, seed) for seed in range(self._config.seeds)]

    def _proposed(self, number: int) -> Point | None:
        space, seeds = self._spaces[number], self._config.seeds
        history = [
            (one.point, one.score(seeds)) for one in self._tried.values() if one.space == number
        ]
        learns = any(score is not None for _, score in history)
        if space.free and learns and len(history) >= STARTUP:
            lower = self._config.metric in LOWER_IS_BETTER
            for attempt in range(_TRIES):
                seed = len(history) * _TRIES + attempt
                point = suggested(space, history, lower=lower, seed=seed)
                if _key(point) not in self._tried:
                    return point
        spread = space.spread(_DRAWS_PER_POINT * (len(history) + 1))
        return next((point for point in spread if _key(point) not in self._tried), None)

    def _place(self, one: Trial | Explored) -> tuple[_Key, int]:
        point = {name: value for name, value in one.choices.items() if value is not None}
        if self._config.epsilons:
            point["target_epsilon"] = one.epsilon
        return _key(point), one.seed


def suggested(
    space: Space, history: Sequence[tuple[Point, float | None]], *, lower: bool, seed: int
) -> Point:
    """The point that Optuna would try next.

    Args:
        space: to choose from.
        history: its points in the order in which they were taken up, each with its score, or
            ``None`` where it has none yet.
        lower: whether the lower score is the better one.
        seed: of the sampler.
    """
    import optuna

    kinds = _distributions(space)
    states = optuna.trial.TrialState
    with _quiet():
        study = optuna.create_study(
            direction="minimize" if lower else "maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, constant_liar=True),
        )
    for point, score in history:
        study.add_trial(
            optuna.trial.create_trial(
                state=states.RUNNING if score is None else states.COMPLETE,
                value=score,
                params={name: _turned(name, point[name]) for name in kinds},
                distributions=kinds,
            )
        )
    params = study.ask(kinds).params
    chosen = {
        name: settled(name, space.ranges[name], _turned(name, value))
        if name in space.ranges
        else value
        for name, value in params.items()
    }
    return {**space.promise, **chosen}


def _key(point: Point) -> _Key:
    return frozenset(point.items())


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution

    found: dict[str, BaseDistribution] = {}
    for name, values in space.axes.items():
        found[name] = CategoricalDistribution(values)
    for name, ends in space.ranges.items():
        found[name] = _distribution(name, ends)
    return found


def _distribution(name: str, ends: tuple[float, float]) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    axis = AXES[name]
    if axis.kind is int:
        return IntDistribution(int(ends[0]), int(ends[1]), log=axis.scale == "log")
    low, high = sorted(_turned(name, end) for end in ends)
    return FloatDistribution(low, high, log=axis.scale != "linear")


def _turned(name: str, value: Value) -> Any:
    """A decay as its distance to 1 and back; everything else as it is."""
    return 1 - value if AXES[name].scale == "decay" else value  # type: ignore[operator]  # a number


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna announces every study in the log, which people would read in their notebook."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
