import dataclasses

import pytest
from attack_events import until
from hypothesis import given
from hypothesis import strategies as st

from workbench.attacks.config import AttackConfig
from workbench.panels.attack_cases import (
    FEW,
    case_words,
    is_worst,
    obstacles,
    realistic_case,
    worst_case,
)
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_slice import PHANTOM
from workbench.panels.attack_trained import Training, finished_trainings, newest_training
from workbench.runs.events import Finished
from workbench.runs.store import Store

RUN = Training("train-1", "unet", "phantom-liver", 64, 100, 1.1, 0.5)


def test_nothing_stands_in_the_attackers_way_in_the_worst_case() -> None:
    config = AttackConfig(**worst_case())
    assert is_worst(config)
    assert case_words(config).startswith("Worst case for the patient")
    assert is_worst(AttackConfig()), "the panel opens with it"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trained": "run"}, "trained weights"),
        ({"activation": "relu"}, "kinks"),
        ({"model": "unet-batchnorm"}, "kinks"),
        ({"mask": "unknown"}, "unknown mask"),
        ({"batch": 3}, "3 slices in one gradient"),
        ({"batch": 2, "sites": 2}, "4 slices in one gradient"),
        ({"local_steps": 5}, "5 local steps"),
        ({"defence": "prune:0.1"}, "largest 0.1 of values"),
        ({"noise_multiplier": 0.1}, "noise"),
        ({"model": "cnn", "batch": 2, "labels": "inferred"}, "unknown labels"),
    ],
)
def test_every_obstacle_ends_the_worst_case_and_is_named(change: dict, words: str) -> None:
    config = dataclasses.replace(AttackConfig(), **change)
    assert not is_worst(config)
    assert words in case_words(config) or words in " ".join(obstacles(config))


def test_clipping_alone_is_no_obstacle() -> None:
    assert is_worst(AttackConfig(noise_multiplier=0.0))


def test_smooth_layers_in_a_kinked_network_make_it_the_worst_case_again() -> None:
    assert is_worst(AttackConfig(model="unet-batchnorm", activation="elu"))
    assert not is_worst(AttackConfig(model="package.module:net")), "nothing is known of it"


def test_the_realistic_case_takes_weights_noise_and_slices_of_a_training() -> None:
    config = AttackConfig(**realistic_case(RUN, image=None))
    assert (config.trained, config.model, config.size) == ("train-1", "unet", 64)
    assert (config.noise_multiplier, config.max_grad_norm) == (1.1, 0.5)
    assert (config.mask, config.public, config.batch) == ("unknown", "others", FEW)
    assert case_words(config).startswith("Realistic case: trained weights, an unknown mask")


def test_without_a_training_the_realistic_case_says_what_it_lacks() -> None:
    config = AttackConfig(**realistic_case(None, image=PHANTOM))
    assert (config.trained, config.activation, config.image) == (None, "relu", PHANTOM)
    assert "no training of this network is finished or chosen" in case_words(config)


@given(st.sampled_from([None, "relu", "gelu"]), st.booleans(), st.integers(1, 8))
def test_every_config_is_one_of_the_three_cases(
    activation: str | None, unknown: bool, batch: int
) -> None:
    config = AttackConfig(
        activation=activation, mask="unknown" if unknown else "known", batch=batch
    )
    words = case_words(config)
    assert words.startswith("Worst") == is_worst(config)
    assert words.startswith(("Worst", "Realistic", "Between"))


def test_the_buttons_choose_and_say_the_case(model: AttackModel) -> None:
    model.realistic_case()
    assert (model.batch, model.image, model.activation) == (FEW, PHANTOM, "relu")
    assert model.case.startswith("Realistic but for the weights")
    until(lambda: model.preview is not None)
    assert model.errors == {}
    model.worst_case()
    assert model.case.startswith("Worst case")
    assert (model.batch, model.image) == (1, PHANTOM), "the slice stays"
    assert model.errors == {}


def test_the_buttons_change_nothing_while_an_attack_runs(model: AttackModel, begun: list) -> None:
    model.start()
    model.realistic_case()
    assert model.batch == 1


def recorded(model: str, status: str, **result: object) -> str:
    store = Store()
    config = {
        "model": model,
        "data": "phantom-liver",
        "image_size": 32,
        "steps": 9,
        "privacy": None,
    }
    if result.get("noise_multiplier"):
        config["privacy"] = {"max_grad_norm": 0.7}
    run = store.open("train", config)
    if status == "finished":
        store.append(run, Finished(result=result))
    return run


def test_finished_trainings_are_found_newest_first() -> None:
    assert newest_training() is None
    plain = recorded("unet", "finished", steps=9, noise_multiplier=0.0)
    recorded("unet", "running")
    recorded("package.module:net", "finished", steps=9)
    private = recorded("cnn", "finished", steps=8, noise_multiplier=1.3)
    assert [one.run for one in finished_trainings()] == [private, plain]
    assert [one.run for one in finished_trainings("unet")] == [plain]
    newest, oldest = finished_trainings()
    assert (newest.noise, newest.max_grad_norm, newest.steps) == (1.3, 0.7, 8)
    assert (oldest.noise, oldest.max_grad_norm, oldest.size) == (None, None, 32)
    assert "8 steps, σ = 1.3" in str(newest)
    assert "no DP" in str(oldest)
