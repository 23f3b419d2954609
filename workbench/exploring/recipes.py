"""Named settings to begin a study from: TOML files that come with the workbench."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.runs.configs import config_from_toml
from workbench.training.config import PrivacyConfig, TrainConfig

FOLDER = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a recipe says of the study itself; fields as in ``ExploreConfig``."""

    epsilons: tuple[float, ...] = ()
    seeds: int | None = None
    metric: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings under a name.

    Attributes:
        description: what they are for, and whether they were tuned, in a sentence.
        source: where the values come from.
        train: fields of ``TrainConfig``; without ``data`` where these must be named.
        privacy: fields of ``PrivacyConfig`` without a budget, which the study chooses.
        study: budgets, seeds and metric to use where nothing else is said.

    Raises:
        BadInput: a setting is not one of these configs.
    """

    description: str
    source: str
    train: dict[str, Any] = field(default_factory=dict, hash=False)
    privacy: dict[str, Any] = field(default_factory=dict, hash=False)
    study: Study = field(default_factory=Study)

    def __post_init__(self) -> None:
        for config, given in ((TrainConfig, self.train), (PrivacyConfig, self.privacy)):
            known = {item.name for item in fields(config)} - {"privacy", "seed"}
            for name in given:
                if name not in known:
                    raise BadInput(
                        f"A recipe has no setting {name}; it may set {', '.join(sorted(known))}.",
                        field=name,
                    )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the trainings side by side, as ``train_config`` takes them."""
        return {**self.train, **self.privacy}


def recipe_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """All recipes, in alphabetical order."""
    return tuple(sorted(file.stem for file in folder.glob("*.toml")))


def recipe(name: str, folder: Path = FOLDER) -> Recipe:
    """The recipe of this name.

    Args:
        name: without ``.toml``.
        folder: where the recipes are.

    Raises:
        BadInput: there is no such recipe, or it has a setting that is none.
    """
    if name not in recipe_names(folder):
        raise BadInput(
            f"There is no recipe {name!r}; choose {', '.join(recipe_names(folder))}.",
            field="recipe",
        )
    return config_from_toml(Recipe, folder / f"{name}.toml")
