"""``workbench train --recipe``: one training of the study that a recipe describes."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from workbench.__main__ import main
from workbench.cli import explore, train
from workbench.cli.explore_options import study_of
from workbench.cli.train_options import training_of
from workbench.exploring import beginning
from workbench.exploring.recipes import recipe
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig

OWN = """
description = "Begins from phantoms."
source = "A test."

[train]
model = "unet-small"
steps = 1
sample_rate = 0.3

[privacy]
delta = 1e-3

[pretraining]
data = "phantom-liver:patients=8,slices=1,size=32"
model = "unet-small"
steps = 1
sample_rate = 0.5
"""

VARIED = f"""{OWN}
[study.axes]
learning_rate = [1e-3, 3e-3]
target_epsilon = [1.0, 8.0]
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pre-training runs in the command's own thread."""
    monkeypatch.setattr(beginning, "start", partial(start, where="inline"))
    monkeypatch.setattr(beginning, "_LOOK_SECONDS", 0.01)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return path


def asked(words: str) -> tuple[Any, Any]:
    parser = argparse.ArgumentParser()
    train.arguments(parser)
    return training_of(parser.parse_args(words.split()))


def study(words: str) -> Any:
    parser = argparse.ArgumentParser()
    explore.arguments(parser)
    return study_of(parser.parse_args(words.split()))


def test_the_settings_are_those_of_the_recipe() -> None:
    config, first = asked("--recipe liver-slices --data own.npz --target-epsilon 8")
    chosen = recipe("liver-slices")
    assert first == chosen.first
    for name, value in chosen.train.items():
        assert getattr(config, name) == value
    assert config.privacy == PrivacyConfig(target_epsilon=8.0, **chosen.privacy)
    assert config.data == "own.npz"


@pytest.mark.parametrize(("epsilon", "place"), [("8", 2), ("inf", 3)])
def test_it_is_the_training_that_the_study_has_at_this_epsilon(epsilon: str, place: int) -> None:
    words = "--recipe liver-slices --data own.npz"
    config, first = asked(f"{words} --target-epsilon {epsilon}")
    whole = study(words)
    trial = whole.trials()[place]
    assert (trial.epsilon, trial.seed) == (float(epsilon), 0)
    assert config == trial.config
    assert first == whole.pretraining


def test_words_go_before_the_recipe() -> None:
    words = "--data own.npz --steps 9 --unit patient --noise-multiplier 2 --seed 4"
    config, first = asked(f"--recipe liver-slices {words} --device cuda")
    assert (config.data, config.steps, config.seed, config.device) == ("own.npz", 9, 4, "cuda")
    assert (config.privacy.unit, config.privacy.noise_multiplier) == ("patient", 2.0)
    assert (config.privacy.target_epsilon, config.privacy.max_grad_norm) == (None, 0.5)
    assert first == replace(recipe("liver-slices").first, device="cuda")


def test_it_may_begin_elsewhere_than_its_recipe(own: Path) -> None:
    words = f"--recipe {own} --data own.npz --target-epsilon 8"
    assert asked(f"{words} --from-scratch")[1] is None
    config, first = asked(f"{words} --pretrained train-1 --model unet")
    assert (config.pretrained, config.model, first) == ("train-1", "unet", None)


def test_an_infinite_budget_trains_without_privacy(own: Path) -> None:
    config, _ = asked(f"--recipe {own} --data own.npz --target-epsilon inf --seed 2")
    assert (config.privacy, config.seed) == (None, 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--recipe soup --target-epsilon 8", "There is no recipe 'soup'; choose chest-xray"),
        ("--recipe none.toml --target-epsilon 8", "There is no config file none.toml"),
        (
            "--recipe phantoms",
            "The recipe phantoms leaves the budget open; name it with --target-epsilon",
        ),
        (
            "--recipe liver-slices --target-epsilon 8",
            "The recipe liver-slices has no data of its own; name them with --data.",
        ),
        ("--recipe phantoms --target-epsilon 1 --noise-multiplier 1", "not both"),
        ("--recipe phantoms --target-epsilon inf --noise-multiplier 1", "not both"),
        ("--recipe phantoms --target-epsilon 0", "Target epsilon must be above 0"),
        (
            "--recipe liver-slices --data own.npz --target-epsilon 8 --model unet",
            "weights do not fit unet; leave",
        ),
        ("--recipe phantoms --resume train-1", "has its settings already; leave out the recipe"),
    ],
)
def test_words_that_make_no_training_are_one_sentence_and_status_2(
    words: str, sentence: str, refused: Callable[[str], str]
) -> None:
    assert sentence in refused(f"train {words}")
    assert Store().list() == []


def test_data_that_cannot_be_read_are_refused_before_the_pre_training(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"train --recipe {own} --data /no/such.npz --target-epsilon 8".split()) == 2
    assert "/no/such.npz" in capsys.readouterr().err
    assert Store().list() == []


def test_what_a_recipe_compares_has_to_be_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "varied.toml"
    path.write_text(VARIED)
    words = f"--recipe {path} --data own.npz --target-epsilon 8"
    assert main(["train", *words.split()]) == 2
    assert "compares several values of learning_rate; choose one" in capsys.readouterr().err
    assert asked(f"{words} --learning-rate 3e-3")[0].learning_rate == 3e-3


def test_the_pre_training_comes_first_and_is_not_repeated(
    own: Path, discs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"train --recipe {own} --data {discs} --noise-multiplier 1 --json".split()
    assert main(words) == 0
    said = capsys.readouterr()
    first, one = Store().list("train")
    assert f"training on phantoms first ({first.id})" in said.err
    assert f"begun from the weights of {first.id} (dice " in said.err
    printed = json.loads(said.out.splitlines()[-1])
    assert printed["run"] == one.id
    assert one.config["pretrained"] == first.id
    assert f"the starting weights, of run {first.id} on phantom-liver" in printed["guarantee"]

    assert main([*words, "--seed", "1"]) == 0
    said = capsys.readouterr()
    *_, other = Store().list("train")
    assert "training on phantoms first" not in said.err
    assert len(Store().list("train")) == 3
    assert other.config["pretrained"] == first.id


def test_a_recipe_may_stand_in_a_file_of_settings(
    own: Path, discs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'recipe = "{own}"\ndata = "{discs}"\nfrom_scratch = true\n')
    assert main(["train", "--config", str(settings), "--target-epsilon", "inf", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    (record,) = Store().list("train")
    assert (record.id, record.config["pretrained"]) == (printed["run"], None)
    assert math.isinf(float(printed["epsilon"]))
