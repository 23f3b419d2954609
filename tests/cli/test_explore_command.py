"""``workbench explore``: words become a study, and the study becomes rows."""

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
from workbench.cli import explore
from workbench.cli.explore_options import study_of
from workbench.exploring.recipes import FIRST_STUDY
from workbench.panels.explore_choices import ExploreChoices
from workbench.runs import elsewhere, fleet
from workbench.runs.jobs import start
from workbench.training.config import TrainConfig

SMALL = "--steps 1 --sample-rate 0.3 --delta 1e-3 --model unet-small"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings run in the command's own thread."""
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))


def study(words: str) -> Any:
    parser = argparse.ArgumentParser()
    explore.arguments(parser)
    return study_of(parser.parse_args(words.split()))


def test_without_words_it_is_the_study_of_the_panel() -> None:
    config = study("")
    assert config.study == ExploreChoices().config().study
    assert set(config.epsilons) == {1.0, 3.0, 8.0, math.inf}
    assert (config.seeds, config.search, config.axes) == (2, "grid", {})
    assert config.train.image_size == 32
    assert config.train.steps == FIRST_STUDY.settings["steps"]


def test_words_change_that_study_and_other_data_keep_their_size() -> None:
    config = study("--model unet --steps 9 --delta 1e-4").train
    assert (config.model, config.steps, config.image_size) == ("unet", 9, 32)
    assert config.privacy is not None
    assert (config.privacy.delta, config.privacy.max_grad_norm) == (1e-4, 0.3)
    other = study("--data own.npz").train
    steps = FIRST_STUDY.settings["steps"]
    assert (other.data, other.image_size, other.steps) == ("own.npz", None, steps)
    assert study("--data own.npz --image-size 64").train.image_size == 64
    assert study(f"--data {config.data}").study == study("").study


def test_a_recipe_takes_nothing_from_that_study(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text('description = "x"\nsource = "y"\n')
    bare = study(f"--recipe {path} --data own.npz").train
    assert replace(bare, privacy=None) == TrainConfig(data="own.npz")


def test_words_go_before_the_recipe() -> None:
    config = study("--recipe liver-slices --data own.npz --epsilons 2,inf --unit patient --steps 9")
    assert (config.train.data, config.train.steps, config.train.privacy.unit) == (
        "own.npz",
        9,
        "patient",
    )
    assert config.epsilons == (2.0, math.inf)
    assert (config.seeds, config.metric, config.train.model) == (3, "dice", "unet-folded")
    assert config.train.privacy.delta == 1e-3


def test_axes_and_ranges_are_read_in_their_own_types() -> None:
    config = study(
        "--axis learning-rate=1e-3,3e-3 --axis steps=100,200 --axis weight_standardisation=true,"
        "false --axis unit=slice"
    )
    assert config.axes == {
        "learning_rate": (1e-3, 3e-3),
        "steps": (100, 200),
        "unit": ("slice",),
        "weight_standardisation": (True, False),
    }
    drawn = study("--search random --runs 20 --range learning_rate=1e-4:1e-2 --seeds 1")
    assert drawn.ranges == {"learning_rate": (1e-4, 1e-2)}
    assert len(drawn.trials()) == 20
    noisy = study("--recipe phantoms --axis noise_multiplier=0.5,1")
    assert noisy.epsilons == ()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--recipe soup", "There is no recipe 'soup'"),
        ("--recipe liver-slices", "has no data of its own; name them with --data"),
        ("--axis steps", "needs at least one value"),
        ("--axis steps=many", "are whole numbers, not 'many'"),
        ("--axis steps=1 --axis steps=2", "steps is given twice"),
        ("--axis weight_standardisation=maybe", "are true or false, not 'maybe'"),
        ("--range steps=1,2", "A range is written NAME=LOW:HIGH"),
        ("--range steps=1:2:3", "A range is written NAME=LOW:HIGH"),
        ("--search random --axis steps=1,2", "say after how many runs"),
        ("--metric beauty", "There is no metric 'beauty'"),
        ("--epsilons 1 --axis noise_multiplier=1", "each follows from the other"),
        ("--study nothing", "There is no study nothing"),
        ("--search bayesian --range steps=10:20", "A Bayesian search goes on for ever"),
        ("--recipe none.toml", "There is no config file none.toml"),
    ],
)
def test_words_that_make_no_study_are_one_sentence_and_status_2(
    words: str, sentence: str, refused: Callable[[str], str]
) -> None:
    assert sentence in refused(f"explore {words}")


def test_a_study_is_carried_out_told_and_taken_up_by_its_name(
    discs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"explore --data {discs} --epsilons inf --seeds 1 --axis optimizer=adam,sgd {SMALL}"
    assert main([*words.split(), "--runs", "1", "--json"]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out.splitlines()[-1])
    (first,) = printed["explored"]
    assert (printed["left"], printed["price"]) == (0, None)
    assert (first["epsilon"], first["seed"], first["optimizer"]) == ("inf", 0, "adam")
    assert "epsilon inf, optimizer adam, seed 0: dice" in said.err
    assert {"dice", "hausdorff95", "ece"} <= first.keys()
    name = said.err.partition(":")[0]
    assert printed["study"] == name

    assert main(["explore", "--study", name, "--runs", "2"]) == 0
    said = capsys.readouterr()
    head, *rows = said.out.splitlines()
    assert head.split() == ["epsilon", "seed", "optimizer", "dice", "noise", "run"]
    assert len(rows) == 2
    assert sum(row.endswith("*") for row in rows) == 1
    assert first["run"] in said.out

    assert main(["explore", "--study", name, "--steps", "3"]) == 2
    assert "has its settings already; leave out steps" in capsys.readouterr().err


def test_minutes_that_are_over_leave_the_rest_for_later(
    discs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"explore --data {discs} --epsilons inf --seeds 5 --minutes 0.00001 {SMALL} --json"
    assert main(words.split()) == 0
    said = capsys.readouterr()
    assert "minutes are over with" in said.err
    assert "go on with --study study-" in said.err
    printed = json.loads(said.out)
    assert len(printed["explored"]) + printed["left"] == 5
    assert printed["left"] > 0


def test_what_looking_has_cost_is_told_and_printed(
    discs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"explore --data {discs} --epsilons 8 --seeds 2 {SMALL}"
    assert main([*words.split(), "--json"]) == 0
    price = json.loads(capsys.readouterr().out.splitlines()[-1])["price"]
    assert price["runs"] == 2
    assert price["all_shown"] > price["one_run"] > 7
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    assert all(line in said for line in price["words"])
    assert "What looking costs, in epsilon per patient" in said


OWN = """
description = "Begins from phantoms."
source = "A test."

[train]
model = "unet-small"
steps = 1
sample_rate = 0.3

[study]
epsilons = [inf]
seeds = 1

[study.axes]
learning_rate = [1e-3, 3e-3]
schedule = ["cosine", "constant"]

[pretraining]
data = "phantom-liver:patients=8,slices=1,size=32"
model = "unet-small"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return path


def test_a_recipe_of_ones_own_is_a_file(own: Path) -> None:
    config = study(f"--recipe {own} --data own.npz")
    assert config.axes == {"learning_rate": (1e-3, 3e-3), "schedule": ("cosine", "constant")}
    assert config.pretraining.data == "phantom-liver:patients=8,slices=1,size=32"
    assert study(f"--recipe {own} --data own.npz --device cuda").pretraining.device == "cuda"


def test_words_vary_or_settle_what_a_recipe_varies(own: Path) -> None:
    words = "--learning-rate 0.1 --axis schedule=constant --axis steps=5,6 --epsilons 8 --runs 3"
    config = study(f"--recipe {own} --data own.npz {words}")
    assert config.axes == {"schedule": ("constant",), "steps": (5, 6)}
    assert (config.train.learning_rate, config.runs) == (0.1, 3)


def test_a_study_may_begin_elsewhere_than_its_recipe(own: Path) -> None:
    assert study(f"--recipe {own} --data own.npz --from-scratch").pretraining is None
    other = study(f"--recipe {own} --data own.npz --pretrained train-1")
    assert (other.pretraining, other.train.pretrained) == (None, "train-1")


def test_an_unreachable_scheduler_is_one_sentence(
    discs: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "ANSWER_SECONDS", 0.5)
    assert main(f"explore --data {discs} --scheduler 127.0.0.1:1 {SMALL}".split()) == 2
    said = capsys.readouterr()
    assert "no Dask scheduler answers at 127.0.0.1:1; check the address" in said.err
    assert "Traceback" not in said.err
