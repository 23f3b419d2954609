"""What a study says while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.runs.events import Event


@dataclass(frozen=True, kw_only=True)
class OfTrial(Event):
    """Something about one training of the study.

    Attributes:
        epsilon: budget of the run; infinity without privacy. Where a noise multiplier was given,
            what the accountant says of it.
        seed: of the run.
        run: its id in the store.
        choices: its place on the study's other axes; ``None`` where one does not apply.
    """

    epsilon: float
    seed: int
    run: str
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Explored(OfTrial):
    """One training of the study is finished, now or in an earlier sitting.

    Attributes:
        score: by the study's metric, on the validation patients.
        score_name: which metric that is.
        noise_multiplier: that the run was trained with.
        guarantee: of the run, as a sentence.
        scores: everything that was measured on them, by name (``scores.METRICS``).
        groups: the same for each group of them, where the data carry groups, with their
            ``"count"``.
    """

    score: float
    score_name: str
    noise_multiplier: float
    guarantee: str
    scores: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrialBegun(OfTrial):
    """One training of the study is at work now."""


@dataclass(frozen=True, kw_only=True)
class TrialLost(OfTrial):
    """The worker of a training died; the training will be repeated as another run."""

    message: str


@dataclass(frozen=True, kw_only=True)
class TrialFailed(OfTrial):
    """One training of the study could not be finished; the others go on."""

    message: str


@dataclass(frozen=True, kw_only=True)
class PretrainingBegun(Event):
    """Before its first training a study trains the network on drawn patients.

    Attributes:
        run: its id in the store.
    """

    run: str


@dataclass(frozen=True, kw_only=True)
class PretrainingDone(Event):
    """The weights are there from which every training of the study begins.

    Attributes:
        run: that left them, now or earlier.
        score: of that run, on drawn patients.
        score_name: which score that is.
    """

    run: str
    score: float
    score_name: str


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
