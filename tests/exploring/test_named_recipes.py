"""Recipes are named settings that are whole, honest about their tuning, and refuse nonsense."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.recipes import Recipe, recipe, recipe_names
from workbench.imaging.load import load
from workbench.imaging.splits import train_val
from workbench.models.catalogue import CATALOGUE
from workbench.training.config import train_config


def study(chosen: Recipe) -> ExploreConfig:
    settings = {"data": "somewhere", **chosen.settings, "target_epsilon": 1.0}
    return ExploreConfig(
        train=train_config(**settings),
        epsilons=chosen.study.epsilons,
        seeds=chosen.study.seeds or 1,
        metric=chosen.study.metric,
        axes=chosen.study.axes,
        ranges=chosen.study.ranges,
        pretraining=chosen.first,
    )


def test_the_promised_recipes_are_there() -> None:
    promised = {"liver-slices", "liver-patients", "chest-xray", "phantoms"}
    assert promised <= set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_a_whole_study(name: str) -> None:
    chosen = recipe(name)
    config = study(chosen)
    points = math.prod(map(len, config.axes.values())) * len(config.epsilons)
    assert 0 < config.size <= points * config.seeds
    assert config.train.model in CATALOGUE
    assert config.train.task in CATALOGUE[config.train.model].tasks
    assert len(chosen.source) > 40
    assert chosen.description.endswith(".")
    assert {"unit", "delta", "max_grad_norm"} <= chosen.privacy.keys()
    assert not {"target_epsilon", "noise_multiplier"} & chosen.privacy.keys()


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("liver-slices", "liver-ct-slices/liver-ct-128.npz", (128, 256)),
        ("liver-patients", "liver-ct-slices/liver-ct-128.npz", (85, 85)),
        ("chest-xray", "chest-xray-pneumonia", (128, 512)),
    ],
)
def test_a_recipe_fits_the_data_that_it_is_named_after(
    shared_data: Path, name: str, path: str, expected: tuple[int, int]
) -> None:
    chosen = recipe(name)
    slices = load(str(shared_data / path), size=chosen.train["image_size"])
    assert slices.task == chosen.train["task"]
    train, _ = train_val(slices, seed=0)
    units = train.patient_count if chosen.privacy["unit"] == "patient" else len(train)
    assert chosen.privacy["delta"] < 1 / units
    low, high = expected
    assert low <= units * chosen.train["sample_rate"] <= high


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="no recipe 'soup'; choose chest-xray, liver-patients"):
        recipe("soup")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('description = "x"\nsource = "y"\n[train]\nsetps = 3', "A recipe has no setting setps"),
        ('description = "x"\nsource = "y"\n[train]\nseed = 3', "A recipe has no setting seed"),
        ('description = "x"', "Setting source is missing"),
        ('description = "x"\nsource = "y"\n[cooking]\nsalt = 1', "Unknown setting cooking"),
        ("description", "is not a TOML file"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(BadInput, match=sentence):
        recipe("wrong", tmp_path)
