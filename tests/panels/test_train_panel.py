from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.accounting.pld import epsilon_spent, noise_for
from workbench.models.catalogue import CATALOGUE
from workbench.panels import train_model
from workbench.panels.budget import epsilon_at, meaning, noise_at, outlook, right_at_most
from workbench.panels.parts.controls import NumberField
from workbench.panels.parts.model import PanelModel
from workbench.panels.train import TrainPanel
from workbench.panels.train_model import WORK, TrainModel
from workbench.panels.train_words import surgery_rows, surgery_words
from workbench.panels.training_choices import DRAWN, MODELS
from workbench.panels.training_controls import optimisation_controls
from workbench.runs.configs import config_to_json
from workbench.runs.events import Checkpointed
from workbench.runs.inline import drive
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

PLAN = {"sample_rate": 0.05, "steps": 150, "delta": 1e-3}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trainings run in the test itself, and no panel of another test is met again."""
    monkeypatch.setattr(train_model, "start", partial(start, where="inline"))
    monkeypatch.setattr("workbench.panels.train.warm", lambda *modules: None)
    yield
    for model in list(PanelModel._living.values()):
        model.close()


def small(discs: str, **params: Any) -> dict[str, Any]:
    return {"data": discs, "image_size": None, "sample_rate": 0.3, "steps": 6, **params}


def trained(model: TrainModel, status: str = "finished") -> TrainModel:
    model.start()
    return ended(model, status)


def ended(model: TrainModel, status: str) -> TrainModel:
    end = time.monotonic() + 60
    while model.status != status and time.monotonic() < end:
        time.sleep(0.02)
    assert model.status == status, model.message
    return model


def stopped(config: TrainConfig) -> str:
    """A run that was stopped right after its last checkpoint."""
    store = Store()
    run = store.open("train", config_to_json(config))
    events = drive(WORK, config_to_json(config), run=run, store=store)
    for event in events:
        if isinstance(event, Checkpointed):
            events.close()  # type: ignore[attr-defined]  # drive is a generator
            break
    return run


def test_the_networks_offered_are_those_of_the_catalogue() -> None:
    for task, models in MODELS.items():
        assert set(models) == {name for name, entry in CATALOGUE.items() if task in entry.tasks}


def test_the_choices_are_a_config() -> None:
    model = TrainModel(target_epsilon=3.0, unit="slice", delta=1e-4, steps=40, seed=2)
    assert model.config() == TrainConfig(
        data=next(iter(DRAWN)), steps=40, seed=2, learning_rate=6e-3, image_size=64,
        privacy=PrivacyConfig(target_epsilon=3.0, unit="slice", delta=1e-4),
    )  # fmt: skip
    model.set(privacy="noise_multiplier", noise_multiplier=0.5)
    assert model.config().privacy == PrivacyConfig(noise_multiplier=0.5, unit="slice", delta=1e-4)
    model.set(privacy="none")
    assert model.config().privacy is None
    with pytest.raises(TypeError, match="did you mean target_epsilon"):
        TrainModel(target_epsilom=1)


def test_a_given_noise_is_what_is_chosen() -> None:
    assert TrainModel(noise_multiplier=0.7).privacy == "noise_multiplier"
    assert TrainModel().privacy == "target_epsilon"


def test_the_model_follows_the_data_unless_it_is_given() -> None:
    lesions = "phantom-lesion:patients=200,slices=4"
    assert TrainModel(data=lesions).model == "cnn"
    model = TrainModel()
    model.choose("data", lesions)
    assert model.model == "cnn"
    assert set(model.models_offered()) == set(MODELS["classification"])
    wrong = TrainModel(data=lesions, model="unet")
    assert "not made for classification" in wrong.errors["model"]


@pytest.mark.parametrize(
    ("params", "field", "sentence"),
    [
        ({"target_epsilon": 0.0}, "target_epsilon", "must be above 0"),
        ({"noise_multiplier": -1.0}, "noise_multiplier", "0 or more"),
        ({"delta": 0.1}, "delta", "1/170"),
        ({"steps": 0}, "steps", "1 or more"),
        ({"patients": 171}, "patients", "There are 170 patients to train on"),
        ({"patients": 20, "delta": 0.06}, "delta", "1/20"),
        ({"sample_rate": 1.5}, "sample_rate", "at most 1"),
        ({"image_size": 8}, "image_size", "16 to 512"),
        ({"optimizer": "lion"}, "optimizer", "adam or sgd"),
    ],
)
def test_a_wrong_choice_is_said_at_once_where_it_is_made(
    params: dict[str, Any], field: str, sentence: str
) -> None:
    model = TrainModel(**params)
    assert sentence in model.errors[field]
    model.start()
    assert model.status == "idle"


def test_own_data_are_asked_for_only_when_training_starts() -> None:
    model = TrainModel(data="")
    assert model.errors == {}
    model.start()
    assert "Name a file" in model.errors["data"]


def test_what_a_budget_comes_to_is_said_before_any_data_are_read() -> None:
    model = TrainModel()
    assert re.fullmatch(r"noise multiplier 0\.\d\d, calibrated", model.price)
    assert "a patient took part" in model.outlook
    model.choose("noise", "seeded")
    assert model.outlook_tone == "void"
    model.choose("privacy", "none")
    assert (model.outlook_tone, model.price) == ("open", "")
    model.choose("privacy", "noise_multiplier")
    model.choose("noise", "secure")
    assert "spends at most ε = " in model.price


def test_quick_noise_and_epsilon_are_never_better_than_the_reported_ones() -> None:
    plan = tuple(PLAN.values())
    exact = noise_for(target_epsilon=3.0, **PLAN)  # type: ignore[arg-type]
    assert exact <= noise_at(3.0, *plan) < 1.1 * exact
    reported = epsilon_spent(noise_multiplier=0.8, **PLAN)  # type: ignore[arg-type]
    assert reported <= epsilon_at(0.8, *plan) < 1.15 * reported


def test_the_odds_are_those_of_the_best_test_between_two_worlds() -> None:
    assert right_at_most(0, 0) == 0.5
    assert right_at_most(0, 0.2) == pytest.approx(0.6)
    assert right_at_most(math.log(3), 0) == pytest.approx(0.75)
    assert right_at_most(math.inf, 0) == 1
    # Randomised response that leaks outright with probability delta attains the bound.
    epsilon, delta = 1.2, 0.05
    truth = (1 - delta) * math.exp(epsilon) / (1 + math.exp(epsilon))
    assert right_at_most(epsilon, delta) == pytest.approx(delta + truth)


@given(st.floats(0.01, 12), st.floats(1e-9, 0.01))
def test_the_odds_in_words_are_never_below_the_odds(epsilon: float, delta: float) -> None:
    words = meaning(epsilon, delta, "patient")
    found = re.search(r"at most ([\d.]+) %", words)
    if found is None:
        assert "rules out nothing" in words
        assert right_at_most(epsilon, delta) > 0.9998
    else:
        assert 100 * right_at_most(epsilon, delta) <= float(found[1]) + 1e-6
        assert float(found[1]) < 100


def test_clipping_alone_and_no_privacy_are_called_open() -> None:
    nothing = outlook(PrivacyConfig(noise_multiplier=0.0), sample_rate=0.1, steps=5)
    assert nothing.tone == outlook(None, sample_rate=0.1, steps=5).tone == "open"


@pytest.mark.slow
def test_a_private_training_is_followed_to_its_guarantee(discs: str) -> None:
    model = trained(TrainModel(**small(discs)))
    assert model.tone == "private"
    assert model.guarantee.startswith("(8.00, 0.001)-DP per patient")
    assert model.numbers.epsilon[0] == [1, 2, 3, 4, 5, 6]
    assert model.numbers.loss == ([], [])
    assert model.preview.step == 6
    assert (model.done, model.total) == (6, 6)
    assert model.resumable == ""
    assert list(model.recorded) == [model.run]
    assert "Dice" in model.recorded[model.run]


def test_without_privacy_nothing_is_promised(discs: str) -> None:
    model = trained(TrainModel(**small(discs, privacy="none")))
    assert model.tone == "open"
    assert "No privacy guarantee" in model.guarantee
    assert len(model.numbers.loss[0]) == 6


def test_data_that_are_not_there_are_named_under_their_control() -> None:
    model = trained(TrainModel(**small("/nowhere/slices.npz")), "failed")
    assert "/nowhere/slices.npz" in model.errors["data"]


@pytest.mark.slow
def test_a_recorded_training_comes_back_with_its_choices(discs: str) -> None:
    first = trained(TrainModel(**small(discs, target_epsilon=5.0, seed=3)))
    again = TrainModel()
    again.show(first.run.rpartition("-")[2])
    assert again.status == "finished"
    assert again.config() == first.config()
    assert (again.guarantee, again.tone) == (first.guarantee, first.tone)
    assert again.numbers == first.numbers
    np.testing.assert_array_equal(again.preview.predictions, first.preview.predictions)
    assert again.run == first.run


@pytest.mark.slow
def test_a_stopped_training_says_what_it_spent_and_can_be_gone_on_with(discs: str) -> None:
    config = TrainConfig(
        data=discs, sample_rate=0.3, steps=6, privacy=PrivacyConfig(target_epsilon=4.0, delta=1e-3)
    )
    run = stopped(config)
    model = TrainModel()
    assert model.resumable == run
    model.show(run)
    assert model.status == "cancelled"
    assert model.guarantee.startswith("Stopped after 6 of 6 steps: (4.00, ")
    assert model.resumable == run
    model.go_on_with(run)
    ended(model, "finished")
    assert model.run == run
    assert model.numbers.epsilon[0] == [1, 2, 3, 4, 5, 6]
    assert model.resumable == ""


@pytest.mark.slow
def test_layers_that_were_replaced_are_told(discs: str) -> None:
    model = trained(TrainModel(**small(discs, model="unet-batchnorm", steps=1)))
    surgery = model.facts["surgery"]
    assert surgery_words(surgery) == f"{len(surgery)} layers were replaced for per-record privacy"
    rows = surgery_rows(surgery)
    assert rows[0][1] == "BatchNorm2d mixes the records of a batch"
    assert rows[0][2].startswith("GroupNorm with")
    assert surgery_words([]) == ""


@pytest.mark.slow
def test_the_panel_shows_what_its_model_knows(discs: str) -> None:
    panel = TrainPanel(**small(discs))
    model = panel.model
    assert isinstance(model, TrainModel)
    assert TrainPanel().model is model
    stage = panel.children[1].children[1].children[0]
    assert stage.pictures.present == [False] * 3
    panel.run_bar.press("start")
    ended(model, "finished")
    assert stage.pictures.count == 2
    assert stage.pictures.masks
    assert stage.pictures.outlines
    assert stage.pictures.attributions
    assert stage.facts.rows[0] == ["Trained on", "10 patients"]
    assert len(stage.curves.data[3].y) == 6
    assert panel.resume.layout.display == "none"
    assert panel.guarantee.tone == "private"
    shown = TrainPanel(run=model.run)
    assert shown.model is not model
    assert shown.model.guarantee == model.guarantee


def test_every_setting_of_a_training_is_a_choice_of_the_panel() -> None:
    settings = {field.name for field in fields(TrainConfig)} - {"privacy"}
    assert settings <= set(TrainModel().trait_names(param=True))


def test_how_many_patients_train_and_who_validates_are_chosen_too() -> None:
    model = TrainModel(patients=40, split_seed=7)
    assert (model.config().patients, model.config().split_seed) == (40, 7)
    labels = {
        control.label: control
        for control in optimisation_controls(model)
        if isinstance(control, NumberField)
    }
    labels["Patients to train on"].value = 0
    assert model.config().patients is None
    labels["Split seed"].value = 8
    assert model.config().split_seed == 8


def test_what_a_recipe_adds_reaches_the_training() -> None:
    model = TrainModel(privacy="none", ema_decay=0.9, pretrained="train-1", trainable="head")
    config = model.config()
    assert (config.ema_decay, config.pretrained, config.trainable) == (0.9, "train-1", "head")
    model.set(trainable="nothing")
    assert "head" in model.errors["trainable"]
