import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.runs.configs import config_from_json, config_to_json
from workbench.training.config import PrivacyConfig, TrainConfig


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"target_epsilon": 0.0}, "target_epsilon"),
        ({"target_epsilon": -1.0}, "target_epsilon"),
        ({"target_epsilon": math.nan}, "target_epsilon"),
        ({"target_epsilon": math.inf}, "target_epsilon"),
        ({"target_epsilon": 1.0, "noise_multiplier": 1.0}, "target_epsilon"),
        ({}, "target_epsilon"),
        ({"noise_multiplier": -0.1}, "noise_multiplier"),
        ({"target_epsilon": 1.0, "delta": 0.0}, "delta"),
        ({"target_epsilon": 1.0, "delta": 1.0}, "delta"),
        ({"target_epsilon": 1.0, "max_grad_norm": 0.0}, "max_grad_norm"),
        ({"target_epsilon": 1.0, "unit": "scan"}, "unit"),
        ({"target_epsilon": 1.0, "noise": "none"}, "noise"),
    ],
)
def test_a_privacy_setting_out_of_range_is_refused_by_name(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        PrivacyConfig(**settings)
    assert refused.value.field == field
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"sample_rate": 0.0}, "sample_rate"),
        ({"sample_rate": 1.5}, "sample_rate"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"augmentation_multiplicity": 0}, "augmentation_multiplicity"),
        ({"image_size": 8}, "image_size"),
        ({"seed": -1}, "seed"),
        ({"split_seed": -1}, "split_seed"),
        ({"patients": 0}, "patients"),
        ({"task": "detection"}, "task"),
    ],
)
def test_a_training_setting_out_of_range_is_refused_by_name(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        TrainConfig(**settings)
    assert refused.value.field == field


@given(
    epsilon=st.floats(1e-3, 1e3),
    delta=st.floats(1e-9, 0.5),
    steps=st.integers(1, 10_000),
    private=st.booleans(),
    size=st.none() | st.integers(16, 512),
)
def test_a_config_survives_being_written_down(
    epsilon: float, delta: float, steps: int, private: bool, size: int | None
) -> None:
    privacy = PrivacyConfig(target_epsilon=epsilon, delta=delta) if private else None
    config = TrainConfig(privacy=privacy, steps=steps, image_size=size)
    assert config_from_json(TrainConfig, config_to_json(config)) == config
