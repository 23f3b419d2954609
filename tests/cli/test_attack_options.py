import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from workbench.__main__ import main
from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.cli import attack
from workbench.errors import BadInput

WORDS: dict[str, tuple[list[str], object]] = {
    "image": (["--image", "phantom-liver"], "phantom-liver"),
    "index": (["--index", "3"], 3),
    "size": (["--size", "32"], 32),
    "model": (["--model", "cnn"], "cnn"),
    "activation": (["--activation", "relu"], "relu"),
    "normalisation": (["--normalisation", "none"], "none"),
    "trained": (["--trained", "train-1"], "train-1"),
    "task": (["--task", "classification"], "classification"),
    "attack": (["--attack", "dlg"], "dlg"),
    "server": (["--server", "eavesdropper"], "eavesdropper"),
    "mask": (["--mask", "unknown"], "unknown"),
    "labels": (["--labels", "inferred"], "inferred"),
    "public": (["--public", "others"], "others"),
    "batch": (["--batch", "4"], 4),
    "local_steps": (["--local-steps", "4"], 4),
    "local_rate": (["--local-rate", "0.2"], 0.2),
    "rounds": (["--rounds", "2"], 2),
    "sites": (["--sites", "3"], 3),
    "defence": (["--defence", "prune:0.1"], "prune:0.1"),
    "seconds": (["--seconds", "2.5"], 2.5),
    "noise_multiplier": (["--noise-multiplier", "0.5"], 0.5),
    "max_grad_norm": (["--max-grad-norm", "2"], 2.0),
    "delta": (["--delta", "1e-4"], 1e-4),
    "draws": (["--draws", "3"], 3),
    "restarts": (["--restarts", "2"], 2),
    "floor": (["--no-floor"], False),
    "bounds": (["--no-bounds"], False),
    "seed": (["--seed", "7"], 7),
    "surgery": (["--no-surgery"], False),
}


def config(*words: str) -> AttackConfig:
    parser = argparse.ArgumentParser()
    attack.arguments(parser)
    made = attack.config_of(parser.parse_args(words))
    assert isinstance(made, AttackConfig)
    return made


def test_every_setting_of_an_attack_has_a_word() -> None:
    assert set(WORDS) == {field.name for field in fields(AttackConfig)}


@pytest.mark.parametrize("field", WORDS)
def test_a_word_changes_its_setting_and_no_other(field: str) -> None:
    words, value = WORDS[field]
    changed = config(*words)
    assert getattr(changed, field) == value != getattr(AttackConfig(), field)
    others = {each.name for each in fields(AttackConfig)} - {field}
    assert all(getattr(changed, name) == getattr(AttackConfig(), name) for name in others)


def test_without_words_it_is_the_default() -> None:
    assert config() == AttackConfig()


@pytest.mark.parametrize("name", METHODS)
def test_an_attack_brings_the_server_that_can_carry_it_out(name: str) -> None:
    assert config("--attack", name).server == METHODS[name].server


def test_a_server_that_is_named_stays() -> None:
    assert config("--attack", "imprint", "--server", "honest").server == "honest"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--server", "evil"], "server"),
        (["--defence", "prune:2"], "defence"),
        (["--public", "all"], "public"),
        (["--local-steps", "0"], "local_steps"),
        (["--activation", "swish"], "activation"),
    ],
)
def test_a_wrong_value_names_its_setting(words: list[str], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        config(*words)
    assert refused.value.field == field


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["attack", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_list_names_every_attack_and_begins_no_run(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    status, out, _ = command(capsys, "--list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(METHODS)
    assert all(method.source in out for method in METHODS.values())
    _, out, _ = command(capsys, "--list", "--json")
    listed: dict[str, Any] = json.loads(out.splitlines()[-1])["attacks"]
    assert listed["imprint"]["server"] == "malicious"
    assert listed["learned-prior"]["needs"] == ["public", "targets"]
    assert not list(workspace.iterdir())


def test_settings_may_stand_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "attack.toml"
    file.write_text(
        'model = "mlp"\nattack = "analytic"\nsize = 16\nlocal_steps = 4\nserver = "honest"\n'
    )
    status, _, err = command(capsys, "--config", str(file), "--json")
    assert status == 2
    assert "reads a gradient, not an update after 4 local steps" in err


def test_what_is_left_of_a_gradient_after_a_defence_is_said_and_attacked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--model", "mlp", "--attack", "analytic", "--size", "16", "--defence", "prune:0.5")
    status, out, err = command(capsys, *words, "--no-floor", "--json")
    assert status == 0
    assert "pruned to its largest 0.5" in err
    assert json.loads(out.splitlines()[-1])["psnr"] < 60
