"""``workbench accountant`` as a person meets it."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.__main__ import main

TRAINING = "accountant --sample-rate 0.05 --steps 500 --delta 1e-5"


def answer(words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main([*words.split(), "--json"]) == 0
    said = capsys.readouterr()
    value: dict[str, Any] = json.loads(said.out.splitlines()[-1])
    return value


def test_all_accountants_answer_and_the_approximation_says_that_it_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = answer(f"{TRAINING} --noise-multiplier 1", capsys)
    assert said["pld"] == pytest.approx(7.524, abs=5e-4)
    assert said["prv"] == pytest.approx(7.534, abs=5e-4)
    assert said["rdp"] == pytest.approx(8.297, abs=5e-4)
    assert said["approximation"] == {"gdp": pytest.approx(6.858, abs=5e-4)}
    assert "gdp" not in said
    assert said["not_computed"] == {}
    assert (said["noise_multiplier"], said["steps"], said["unit"]) == (1.0, 500, "patient")
    assert said["guarantee"].startswith("(7.53, 1e-05)-DP per patient, add or remove one")


def test_a_budget_is_turned_into_noise_first(capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(f"{TRAINING} --target-epsilon 1 --accountant pld", capsys)
    assert said["noise_multiplier"] == pytest.approx(4.300, abs=5e-3)
    assert 0.998 < said["pld"] <= 1
    assert said["target_epsilon"] == 1
    assert "rdp" not in said


def test_one_accountant_alone_gives_the_guarantee(capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(f"{TRAINING} --noise-multiplier 1 --accountant rdp --unit slice", capsys)
    assert "pld" not in said
    assert said["approximation"] == {}
    assert said["guarantee"] == (
        "(8.30, 1e-05)-DP per slice, add or remove one, Poisson q = 0.05, 500 steps, RDP."
    )


def test_slices_are_sampled_and_a_patient_has_several(capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(f"{TRAINING} --noise-multiplier 5 --accountant pld --group 5", capsys)
    assert said["unit"] == "slice"
    assert said["group"]["size"] == 5
    assert said["group"]["pld"] > 4 * said["pld"]


def test_for_a_person_it_is_a_table_with_epsilon_rounded_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(f"{TRAINING} --noise-multiplier 1 --group 3".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    table = {line.split("  ")[0]: line for line in lines}
    assert table["PLD"].split()[-1] == "7.524"
    assert "8.297" in table["RDP (Opacus)"]
    assert "approximation" in table["GDP, central limit"]
    assert "about 6.86" in table["GDP, central limit"]
    ends = [table[name].index(value) + len(value) for name, value in (
        ("accountant", "epsilon"), ("PLD", "7.524"), ("RDP (Opacus)", "8.297")
    )]  # fmt: skip
    assert len(set(ends)) == 1
    assert lines[-1].startswith("For a patient with 3 slices, each sampled by itself: (")


def test_an_accountant_that_cannot_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{TRAINING} --noise-multiplier 0.01".split()) == 0
    said = capsys.readouterr().out
    assert "The PRV accountant cannot do this setting" in said
    assert "nan" not in said
    assert "∞" not in said


@pytest.mark.parametrize("suffix", ["png", "html", "json"])
def test_the_curve_is_written_in_three_ways(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"curve.{suffix}"
    said = answer(
        f"{TRAINING} --noise-multiplier 2 --accountant pld --curve curve.{suffix} --out {tmp_path}",
        capsys,
    )
    assert said["curve"] == str(file)
    content = file.read_bytes()
    if suffix == "png":
        assert content.startswith(b"\x89PNG")
    elif suffix == "html":
        assert b"Epsilon over steps" in content
        assert b"PLD (reported)" in content
    else:
        numbers = json.loads(content)
        assert numbers["steps"]["pld"][-1] == 500
        assert numbers["epsilons"]["pld"][-1] == pytest.approx(said["pld"], rel=1e-3)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--sample-rate 0 --steps 5 --delta 1e-5 --noise-multiplier 1", "Sample rate must be"),
        ("--sample-rate 1.1 --steps 5 --delta 1e-5 --noise-multiplier 1", "at most 1, not 1.1"),
        ("--sample-rate nan --steps 5 --delta 1e-5 --noise-multiplier 1", "not nan"),
        (
            "--sample-rate 0.1 --steps 0 --delta 1e-5 --noise-multiplier 1",
            "Steps must be 1 or more",
        ),
        (
            "--sample-rate 0.1 --steps 5 --delta 1 --noise-multiplier 1",
            "Delta must be between 0 and 1",
        ),
        (
            "--sample-rate 0.1 --steps 5 --delta 0 --noise-multiplier 1",
            "Delta must be between 0 and 1",
        ),
        ("--sample-rate 0.1 --steps 5 --delta 1e-5", "not neither"),
        (
            "--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 1 --target-epsilon 1",
            "not both",
        ),
        ("--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 0", "Noise multiplier must"),
        ("--sample-rate 0.1 --steps 5 --delta 1e-5 --target-epsilon -1", "Target epsilon must"),
        ("--sample-rate 0.1 --delta 1e-5 --noise-multiplier 1", "Say the steps with --steps"),
        (
            "--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 1 --accountant moments",
            "must be pld, prv, rdp or gdp, not 'moments'",
        ),
        (
            "--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 1 --accountant gdp",
            "guarantees nothing",
        ),
        (
            "--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 1 --group 0",
            "Group must be 1 or more",
        ),
        (
            "--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 1 --curve a.pdf",
            ".png, .html or .json",
        ),
        (
            "--sample-rate 0.1 --steps 5 --delta 1e-5 --noise-multiplier 1 --curve /no/such/a.png",
            "no folder",
        ),
    ],
)
def test_nonsense_is_one_sentence_and_status_2(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accountant", *words.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1
