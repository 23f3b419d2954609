"""Studies that can be shown beside the one of the panel, and what each of them is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.job import finished_before
from workbench.exploring.recipes import recipe, recipe_names
from workbench.exploring.study_file import recalled
from workbench.panels.explore_axes import written
from workbench.panels.training_choices import MODELS
from workbench.runs.store import Store

_APART: Final = {"privacy", "data", "task", "seed", "split_seed", "pretrained", "image_size"}
"""Settings that say nothing about a recipe, or that are the same."""


def studies_beside(config: ExploreConfig, store: Store) -> dict[str, ExploreConfig]:
    """Other studies whose epsilons and scores mean the same, by their id.

    The same data, task, unit and delta; those whose file cannot be read are left out.

    Args:
        config: the study of the panel.
        store: where studies are written down.
    """
    found = {}
    for file in sorted((store.root / "studies").glob("*.json")):
        try:
            other = recalled(file.stem, store)
        except BadInput:
            continue
        if other.study != config.study and _alike(config, other) and _any_finished(other, store):
            found[other.study] = other
    return found


def _any_finished(config: ExploreConfig, store: Store) -> bool:
    """Whether a study has a finished training."""
    return any(record.status == "finished" for record in store.list("train", config.study))


def finished_of(config: ExploreConfig, store: Store) -> dict[str, Explored]:
    """The finished trainings of a study by run id, with whatever was measured of them."""
    return {one.run: one for one in finished_before(replace(config, metric=None), store)}


def study_names(configs: Mapping[str, ExploreConfig], *, axes: bool = False) -> dict[str, str]:
    """A name for each study: its recipe, or network and steps; with what sets equal ones apart.

    Args:
        configs: by id.
        axes: whether to name the settings that a study varies, too; in a figure its curves do.
    """
    first = {study: _plain_name(config) for study, config in configs.items()}
    names = {}
    for study, config in configs.items():
        same = [configs[other] for other, name in first.items() if name == first[study]]
        apart = _differences(config, same, axes)
        names[study] = ", ".join([first[study], *apart])
    return names


def _alike(one: ExploreConfig, other: ExploreConfig) -> bool:
    def meaning(config: ExploreConfig) -> tuple[Any, ...]:
        train, privacy = config.train, config.train.privacy
        assert privacy is not None
        return train.data, train.task, train.split_seed, privacy.unit, privacy.delta

    return meaning(one) == meaning(other)


def _plain_name(config: ExploreConfig) -> str:
    for name in recipe_names():
        if _is_recipe(config, name):
            return name
    words = {model: said for fitting in MODELS.values() for model, said in fitting.items()}
    return f"{words.get(config.train.model, config.train.model)}, {config.train.steps} steps"


def _is_recipe(config: ExploreConfig, name: str) -> bool:
    """Whether all settings of a recipe are those of the study, whatever its data."""
    chosen, train, privacy = recipe(name), config.train, config.train.privacy
    asked = [(train, chosen.train, {"data", "task"}), (privacy, chosen.privacy, set())]
    same = all(
        getattr(mine, key) == value
        for mine, settings, apart in asked
        for key, value in settings.items()
        if key not in apart
    )
    return same and config.pretraining == chosen.first


def _differences(config: ExploreConfig, same: list[ExploreConfig], axes: bool) -> list[str]:
    """Settings of a study in which others of its name have other values."""
    names = [name for name in vars(config.train) if name not in _APART]
    words = [
        f"{name.replace('_', ' ')} {getattr(config.train, name)}"
        for name in names
        if any(getattr(other.train, name) != getattr(config.train, name) for other in same)
    ]
    norms = {other.train.privacy.max_grad_norm for other in same if other.train.privacy}
    if len(norms) > 1 and config.train.privacy:
        words.append(f"clipping {config.train.privacy.max_grad_norm:g}")
    if len({other.pretraining is None for other in same}) > 1:
        words.append("pre-trained" if config.pretraining else "from drawn weights")
    varied = {written(other.axes, other.ranges) for other in same}
    if len(varied) > 1 and axes:
        words.append(written(config.axes, config.ranges) or "nothing else varied")
    if len(same) > 1 and len(varied) < len(same) and not words:
        words.append(config.study.removeprefix("study-")[:6])
    return words
