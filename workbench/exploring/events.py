"""What a study says while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.runs.events import Event


@dataclass(frozen=True, kw_only=True)
class Explored(Event):
    """One training of the study is finished, now or in an earlier sitting.

    Attributes:
        epsilon: budget of the run; infinity without privacy. Where a noise multiplier was given,
            what the accountant says of it.
        seed: of the run.
        run: its id in the store.
        score: by the study's metric, on the validation patients.
        score_name: which metric that is.
        noise_multiplier: that the run was trained with.
        guarantee: of the run, as a sentence.
        choices: its place on the study's other axes; ``None`` where one does not apply.
    """

    epsilon: float
    seed: int
    run: str
    score: float
    score_name: str
    noise_multiplier: float
    guarantee: str
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrialBegun(Event):
    """One training of the study is at work now."""

    epsilon: float
    seed: int
    run: str
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrialLost(Event):
    """The worker of a training died; the training will be repeated as another run."""

    epsilon: float
    seed: int
    run: str
    message: str
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrialFailed(Event):
    """One training of the study could not be finished; the others go on."""

    epsilon: float
    seed: int
    run: str
    message: str
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UnderWay(Event):
    """How far the study is.

    Attributes:
        done: trainings finished, with the finished shares of those that run now.
        total: trainings in all.
        running: id of each run at work, here or in another process, to its share done in [0, 1].
        best: ids of the best runs so far, one for each epsilon.
        seconds_left: until the last one ends, from the pace so far; ``None`` before the first one
            has ended.
    """

    done: float
    total: float
    running: Mapping[str, float]
    best: tuple[str, ...] = ()
    seconds_left: int | None = None

    @property
    def progress(self) -> tuple[float, float]:
        return self.done, self.total
