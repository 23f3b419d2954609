"""One training of a study: what is trained, and where it stands among the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.exploring.axes import Value
from workbench.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of a study.

    Attributes:
        epsilon: its budget; infinity without privacy, not a number where a noise multiplier is
            given and the epsilon follows from it.
        seed: of the run.
        config: the whole training.
        choices: its place on the study's other axes; ``None`` where one does not apply.
    """

    epsilon: float
    seed: int
    config: TrainConfig
    choices: Mapping[str, Value | None] = field(default_factory=dict, hash=False)

    def begun_from(self, run: str | None) -> Trial:
        """The same training with the weights of this run to begin from."""
        return self if run is None else replace(self, config=replace(self.config, pretrained=run))

    @property
    def words(self) -> str:
        """Where it stands, for a person: ``"epsilon 3, learning_rate 0.001, seed 0"``."""
        return place_words(self.epsilon, self.choices, self.seed)


def place_words(epsilon: float, choices: Mapping[str, Any], seed: int) -> str:
    """A place on all axes of a study, for a person."""
    parts = [] if math.isnan(epsilon) else [f"epsilon {epsilon:g}"]
    for name, value in choices.items():
        if value is not None:
            said = f"{value:g}" if isinstance(value, float) else str(value).lower()
            parts.append(f"{name} {said}")
    return ", ".join([*parts, f"seed {seed}"])
