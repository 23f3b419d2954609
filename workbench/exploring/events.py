"""What a study says while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.runs.events import Event


@dataclass(frozen=True, kw_only=True)
class Explored(Event):
    """One training of the study is finished, now or in an earlier sitting.

    Attributes:
        epsilon: budget of the run; infinity without privacy.
        seed: of the run.
        run: its id in the store.
        score: Dice of a segmentation, AUROC of a classification, on the validation patients.
        score_name: which of the two.
        noise_multiplier: that the run was trained with.
        guarantee: of the run, as a sentence.
    """

    epsilon: float
    seed: int
    run: str
    score: float
    score_name: str
    noise_multiplier: float
    guarantee: str


@dataclass(frozen=True, kw_only=True)
class TrialFailed(Event):
    """One training of the study could not be finished; the others go on."""

    epsilon: float
    seed: int
    run: str
    message: str


@dataclass(frozen=True, kw_only=True)
class UnderWay(Event):
    """How far the study is.

    Attributes:
        done: trainings finished, with the finished shares of those that run now.
        total: trainings in all.
        running: id of each run at work to its share done, in [0, 1].
    """

    done: float
    total: float
    running: Mapping[str, float]

    @property
    def progress(self) -> tuple[float, float]:
        return self.done, self.total
