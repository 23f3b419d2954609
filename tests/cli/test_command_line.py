"""The command line as a person meets it: exit status, one sentence, one JSON value."""

import json
from pathlib import Path

import pytest

from workbench.__main__ import COMMANDS, main


def answer(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as left:
            main([command, "--help"])
        assert left.value.code == 0
        assert "--json" in capsys.readouterr().out


def test_train_answers_with_the_promised_fields(
    discs: str, capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    words = f"train --data {discs} --steps 3 --noise-multiplier 1 --delta 1e-3 --json"
    assert main(words.split()) == 0
    said = answer(capsys)
    assert isinstance(said, dict)
    promised = (
        "run dice epsilon delta unit accountant noise_multiplier sample_rate steps "
        "seconds_per_step guarantee"
    )
    assert set(promised.split()) <= set(said)
    assert said["unit"] == "patient"
    assert main(["runs", "--json"]) == 0
    listed = answer(capsys)
    assert isinstance(listed, list)
    assert [record["id"] for record in listed] == [said["run"]]


def test_settings_come_from_a_file_and_words_go_before_it(
    discs: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = tmp_path / "study.toml"
    settings.write_text(f'data = "{discs}"\nsteps = 9\n[privacy]\nnoise_multiplier = 2.0\n')
    assert main(["train", "--config", str(settings), "--steps", "2", "--json"]) == 0
    said = answer(capsys)
    assert isinstance(said, dict)
    assert (said["steps"], said["noise_multiplier"]) == (2, 2.0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("train --data /no/such/file.npz", "/no/such/file.npz"),
        ("train --target-epsilon 0", "Target epsilon must be above 0"),
        ("train --target-epsilon 1 --noise-multiplier 1", "not both"),
        ("train --delta 1e-5", "not neither"),
        ("train --resume nothing", "nothing"),
        ("explore --epsilons 1,x", "must be numbers with commas"),
        ("train --config /no/such.toml", "no config file"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_delta_must_be_below_one_over_the_number_of_patients(
    discs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"train --data {discs} --target-epsilon 8 --delta 0.5".split()) == 2
    assert "1 / number of patients" in capsys.readouterr().err


def test_an_unknown_setting_in_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "study.toml"
    settings.write_text("setps = 9\n")
    assert main(["train", "--config", str(settings)]) == 2
    assert "'setps'" in capsys.readouterr().err
