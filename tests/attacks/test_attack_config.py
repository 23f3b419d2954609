import pytest

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.runs.configs import config_from_json, config_to_json


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attack", "magic"),
        ("task", "guessing"),
        ("index", -1),
        ("size", 8),
        ("size", 1024),
        ("batch", 0),
        ("batch", 65),
        ("seconds", 0.0),
        ("seconds", -1.0),
        ("seconds", float("inf")),
        ("seconds", float("nan")),
        ("noise_multiplier", -0.1),
        ("noise_multiplier", float("nan")),
        ("max_grad_norm", 0.0),
        ("delta", 0.0),
        ("delta", 1.0),
        ("restarts", 0),
        ("seed", -1),
        ("local_steps", 0),
        ("local_rate", 0.0),
        ("rounds", 17),
        ("sites", 0),
        ("draws", 21),
        ("activation", "square"),
        ("normalisation", "batch"),
        ("server", "angry"),
        ("mask", "guessed"),
        ("labels", "guessed"),
        ("public", "everything"),
        ("defence", "hope"),
        ("defence", "prune:1"),
        ("defence", "quantise:0.5"),
        ("defence", "sign:2"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_sentence(field: str, value: object) -> None:
    with pytest.raises(BadInput) as error:
        AttackConfig(**{field: value})
    assert error.value.field == field
    assert error.value.message.endswith(".")
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    "config",
    [
        AttackConfig(),
        AttackConfig(noise_multiplier=0.0, restarts=3, floor=False),
        AttackConfig(model="mlp", attack="analytic", task="classification", noise_multiplier=0.5),
        AttackConfig(defence="prune:0.1", activation="relu", mask="unknown", public="others"),
    ],
)
def test_a_config_survives_being_written_down(config: AttackConfig) -> None:
    assert config_from_json(AttackConfig, config_to_json(config)) == config
