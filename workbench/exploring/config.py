"""What a study of epsilon against utility is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from workbench.errors import BadInput, check_range
from workbench.runs.configs import config_key
from workbench.training.config import PrivacyConfig, TrainConfig


@dataclass(frozen=True, kw_only=True)
class ExploreConfig:
    """A grid of trainings: every epsilon with every seed.

    Args:
        train: what every run shares. Its ``privacy`` gives delta, unit and clipping norm; its
            target epsilon and seed are replaced.
        epsilons: budgets to try, each > 0; infinity trains without privacy.
        seeds: how many seeds, numbered from 0, >= 1.

    Raises:
        BadInput: a budget or the number of seeds is out of its range, or a budget stands twice.
    """

    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(privacy=PrivacyConfig(target_epsilon=8.0))
    )
    epsilons: tuple[float, ...] = (1.0, 3.0, 8.0, math.inf)
    seeds: int = 2

    def __post_init__(self) -> None:
        if not self.epsilons:
            raise BadInput("Name at least one epsilon to explore.", field="epsilons")
        wrong = [epsilon for epsilon in self.epsilons if not epsilon > 0]
        if wrong:
            raise BadInput(
                f"Every epsilon must be above 0, not {wrong[0]:g}; inf trains without privacy.",
                field="epsilons",
            )
        if len(set(self.epsilons)) < len(self.epsilons):
            raise BadInput("An epsilon stands twice in the list; name each once.", field="epsilons")
        check_range("seeds", self.seeds, "[1, inf)")
        if self.train.privacy is None:
            raise BadInput(
                "Exploring needs privacy settings (delta, unit, clipping norm) to explore with.",
                field="train",
            )

    @property
    def study(self) -> str:
        """The name under which its runs are found again: the same config is the same study."""
        return f"study-{config_key(self)}"

    def trials(self) -> list[Trial]:
        """All runs, seed by seed, so that a whole curve stands early."""
        return [
            Trial(epsilon=epsilon, seed=seed, config=self._run(epsilon, seed))
            for seed in range(self.seeds)
            for epsilon in self.epsilons
        ]

    def _run(self, epsilon: float, seed: int) -> TrainConfig:
        assert self.train.privacy is not None
        privacy = (
            replace(self.train.privacy, target_epsilon=epsilon, noise_multiplier=None)
            if math.isfinite(epsilon)
            else None
        )
        return replace(self.train, privacy=privacy, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of a study."""

    epsilon: float
    seed: int
    config: TrainConfig
