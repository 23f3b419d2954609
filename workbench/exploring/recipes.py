"""Named settings to begin a study from: TOML files that come with the workbench."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.runs.configs import config_from_toml
from workbench.training.config import PrivacyConfig, TrainConfig, train_config

FOLDER = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a recipe says of the study itself; fields as in ``ExploreConfig``."""

    epsilons: tuple[float, ...] = ExploreConfig.epsilons
    seeds: int = ExploreConfig.seeds
    metric: str | None = None
    axes: dict[str, tuple[int | float | str | bool, ...]] = field(default_factory=dict, hash=False)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict, hash=False)
    search: Literal["grid", "random", "bayesian"] | None = None
    runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings under a name.

    Attributes:
        description: what they are for, and whether they were tuned, in a sentence.
        source: where the values come from.
        train: fields of ``TrainConfig``; without ``data`` where these must be named.
        privacy: fields of ``PrivacyConfig`` without a budget, which the study chooses.
        study: what to compare where nothing else is said.
        pretraining: fields of a complete ``TrainConfig`` without privacy, on drawn patients: a
            training that is carried out first, and from whose weights all others begin. Empty
            where they begin from drawn weights.

    Raises:
        BadInput: a setting is not one of these configs.
    """

    description: str
    source: str
    train: dict[str, Any] = field(default_factory=dict, hash=False)
    privacy: dict[str, Any] = field(default_factory=dict, hash=False)
    study: Study = field(default_factory=Study)
    pretraining: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _refuse_unknown(self.train, TrainConfig, {"privacy", "seed"})
        _refuse_unknown(self.privacy, PrivacyConfig, set())
        _refuse_unknown(self.pretraining, TrainConfig, {"privacy", "pretrained"})

    @property
    def first(self) -> TrainConfig | None:
        """The pre-training; ``None`` where there is none.

        Raises:
            BadInput: one of its settings is out of range.
        """
        return train_config(**self.pretraining) if self.pretraining else None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the trainings side by side, as ``train_config`` takes them."""
        return {**self.train, **self.privacy}


def _refuse_unknown(given: dict[str, Any], config: type, apart: set[str]) -> None:
    known = {item.name for item in fields(config)} - apart
    for name in given:
        if name not in known:
            raise BadInput(
                f"A recipe has no setting {name}; it may set {', '.join(sorted(known))}.",
                field=name,
            )


FIRST_STUDY: Final = Recipe(
    description="Drawn livers, outlined by a small network within minutes.",
    source="Measured on two cores: a first training within seconds, and a curve that rises.",
    train={
        "data": "phantom-liver:patients=300,slices=2",
        "model": "unet-small",
        "image_size": 32,
        "steps": 80,
        "sample_rate": 0.3,
        "learning_rate": 2e-2,
        "ema_decay": 0.9,
        "weight_standardisation": True,
    },
    privacy={"delta": 1e-3, "max_grad_norm": 0.3},
    # What is compared with comes first, and it is the quickest.
    study=Study(epsilons=(math.inf, 8.0, 3.0, 1.0)),
)
"""What is explored where nobody says anything else: by the command, and by the panel."""


def recipe_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """All recipes, in alphabetical order."""
    return tuple(sorted(file.stem for file in folder.glob("*.toml")))


def recipe(name: str, folder: Path = FOLDER) -> Recipe:
    """The recipe of this name.

    Args:
        name: without ``.toml``; with it the path of a file of your own.
        folder: where the others are.

    Raises:
        BadInput: there is no such recipe, or it has a setting that is none.
    """
    if name.endswith(".toml"):
        return config_from_toml(Recipe, Path(name))
    if name not in recipe_names(folder):
        raise BadInput(
            f"There is no recipe {name!r}; choose {', '.join(recipe_names(folder))}, "
            "or name a file of your own with .toml at its end.",
            field="recipe",
        )
    return config_from_toml(Recipe, folder / f"{name}.toml")
