"""A run is its config: configs survive being written down, and bad ones are refused clearly."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.runs.configs import (
    config_from_json,
    config_from_toml,
    config_key,
    config_to_json,
    values_key,
)
from workbench.training.config import PrivacyConfig, TrainConfig


@dataclass(frozen=True, kw_only=True)
class Lists:
    epsilons: tuple[float, ...] = (1.0, math.inf)
    name: str = "x"


PRIVACY = st.builds(
    PrivacyConfig,
    noise_multiplier=st.floats(0, 100),
    delta=st.floats(1e-12, 0.5),
    max_grad_norm=st.floats(0.01, 10),
    unit=st.sampled_from(["patient", "slice"]),
    noise=st.sampled_from(["secure", "seeded"]),
)
CONFIGS = st.builds(
    TrainConfig,
    steps=st.integers(1, 10**6),
    sample_rate=st.floats(1e-6, 1),
    learning_rate=st.floats(1e-9, 10),
    privacy=st.none() | PRIVACY,
    task=st.sampled_from([None, "segmentation"]),
    image_size=st.none() | st.integers(16, 512),
    seed=st.integers(0, 2**62),
    surgery=st.booleans(),
)


@given(CONFIGS)
def test_a_config_comes_back_from_json_as_it_was(config: TrainConfig) -> None:
    text = json.dumps(config_to_json(config), allow_nan=False)
    assert config_from_json(TrainConfig, json.loads(text)) == config


@given(CONFIGS)
def test_a_config_and_its_values_have_one_key(config: TrainConfig) -> None:
    assert config_key(config) == values_key(json.loads(json.dumps(config_to_json(config))))


@given(CONFIGS, CONFIGS)
def test_configs_share_a_key_exactly_when_they_are_equal(a: TrainConfig, b: TrainConfig) -> None:
    assert (config_key(a) == config_key(b)) == (a == b)
    assert config_key(replace(a)) == config_key(a)


def test_infinity_and_tuples_survive() -> None:
    values = json.loads(json.dumps(config_to_json(Lists()), allow_nan=False))
    assert config_from_json(Lists, values) == Lists()


def test_a_toml_file_is_a_config(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('steps = 5\nlearning_rate = 1\n[privacy]\ntarget_epsilon = 3\nunit = "slice"\n')
    assert config_from_toml(TrainConfig, path) == TrainConfig(
        steps=5, learning_rate=1.0, privacy=PrivacyConfig(target_epsilon=3.0, unit="slice")
    )


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"learning_rate": "fast"}, "learning_rate", "must be a number, not 'fast'"),
        ({"learning_rate": None}, "learning_rate", "must be a number, not None"),
        ({"steps": 2.5}, "steps", "must be a whole number, not 2.5"),
        ({"task": "foo"}, "task", "'segmentation' or 'classification' or nothing"),
        ({"privacy": 3}, "privacy", "a table of settings or nothing"),
        ({"privacy": {"target_epsilon": "x"}}, "target_epsilon", "a number or nothing"),
        ({"sead": 1}, "sead", "Unknown setting sead; known settings are data, model"),
        ({"privacy": {"eps": 1}}, "eps", "Unknown setting privacy.eps; known settings are noise"),
        ({"steps": 0}, "steps", "must be 1 or more"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence(
    values: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        config_from_json(TrainConfig, values)
    assert caught.value.field == field


def test_a_missing_or_broken_toml_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no config file"):
        config_from_toml(TrainConfig, tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(BadInput, match="not a TOML file"):
        config_from_toml(TrainConfig, tmp_path / "bad.toml")
