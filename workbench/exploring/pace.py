"""How long the rest of a study takes, from the trainings that are finished."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from workbench.runs.record import RunRecord
from workbench.training.config import TrainConfig

_ROUND_SECONDS = 5


class Pace:
    """Seconds for a unit of work: a view of an expected share of the data in one step."""

    def __init__(self) -> None:
        self._known: dict[bool, list[float]] = {}

    def learn(self, config: TrainConfig, record: RunRecord) -> None:
        """Take a finished training into account."""
        if record.finished is not None:
            seconds = (record.finished - record.created).total_seconds()
            self._known.setdefault(config.privacy is not None, []).append(seconds / _work(config))

    def seconds_left(self, rest: Iterable[tuple[TrainConfig, float]], at_once: int) -> int | None:
        """Time for what is left, to five seconds, so that it is not news at every look.

        Args:
            rest: trainings that are not finished, each with the share in [0, 1] that is left of it.
            at_once: how many run at the same time.

        Returns:
            Seconds; ``None`` while no training has ended.
        """
        if not self._known:
            return None
        medians = {private: median(paces) for private, paces in self._known.items()}
        # Private steps are the slower ones: better too long than too short.
        slowest = max(medians.values())
        left = [
            medians.get(config.privacy is not None, slowest) * _work(config) * share
            for config, share in rest
        ]
        seconds = max([sum(left) / at_once, *left], default=0.0)
        return round(seconds / _ROUND_SECONDS) * _ROUND_SECONDS


def _work(config: TrainConfig) -> float:
    views = config.sample_rate * config.augmentation_multiplicity
    # Where a study varies the number of patients, all of its trainings say it.
    return config.steps * views * (config.patients or 1)
