"""``workbench plan`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.__main__ import main

DATA = "plan --units 200 --expected-batch 10 --delta 1e-3"


def test_the_missing_one_is_found_with_everything_it_rests_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(f"{DATA} --noise-multiplier 1.2 --target-epsilon 3 --json".split()) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["found"] == "steps"
    assert said["epsilon"] <= 3
    assert said["sample_rate"] == 0.05
    assert (said["unit"], said["adjacency"]) == ("patient", "add or remove one")
    assert (said["sampling"], said["accountant"]) == ("Poisson", "PLD")
    steps = str(said["steps"])
    words = ["accountant", "--sample-rate", "0.05", "--steps", steps, "--delta", "1e-3"]
    assert main([*words, "--noise-multiplier", "1.2", "--accountant", "pld", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["pld"] == said["epsilon"]


def test_for_a_person_it_is_what_was_found_and_a_guarantee(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(f"{DATA} --noise-multiplier 1.2 --steps 300 --unit slice".split()) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("target epsilon: ")
    assert "-DP per slice, add or remove one, Poisson q = 0.05, 300 steps, PLD." in second


@pytest.mark.parametrize("suffix", ["png", "html"])
def test_the_map_is_written_in_two_ways(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"{DATA} --noise-multiplier 1.2 --steps 300 --map m.{suffix} --out {tmp_path}"
    assert main(words.split()) == 0
    assert str(tmp_path / f"m.{suffix}") in capsys.readouterr().out
    content = (tmp_path / f"m.{suffix}").read_bytes()
    assert content.startswith(b"\x89PNG") if suffix == "png" else b"epsilon per patient" in content


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (DATA, "2 are given"),
        (f"{DATA} --noise-multiplier 1 --steps 3 --target-epsilon 3", "5 are given"),
        ("plan --units 9 --steps 3 --noise-multiplier 1 --target-epsilon 1", "--delta"),
        (f"{DATA} --noise-multiplier 0.05 --target-epsilon 1", "Even one step spends"),
        (f"{DATA} --noise-multiplier 1 --steps 3 --within 0.02", "--within goes with --study"),
        ("plan --study study-0 --epsilon 3", "There is no study study-0"),
        ("plan --study study-0", "--epsilon"),
        ("plan --study study-0 --epsilon 3 --steps 9", "--steps is not asked for beside --study"),
        (f"{DATA} --noise-multiplier 1 --steps 3 --map a.pdf", "as .png or .html"),
        (f"{DATA} --noise-multiplier 1 --steps 3 --map /no/such/a.png", "no folder"),
    ],
)
def test_nonsense_is_one_sentence_and_status_2(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_how_many_patients_it_would_take_is_read_from_a_study(
    sized_study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"plan --study {sized_study} --within 0.02 --epsilon 3"
    assert main([*words.split(), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    truth = (2 / 0.02) ** (1 / 0.6)
    assert said["low"] < truth < said["high"]
    assert said["low"] <= said["patients"] <= said["high"]
    assert said["extrapolated"]
    assert said["times_the_largest_measured"] == pytest.approx(said["patients"] / 200)
    assert [one["patients"] for one in said["measured"]] == [50, 100, 200]
    assert main(words.split()) == 0
    answer, trust = capsys.readouterr().out.splitlines()
    assert answer == said["answer"]
    assert "an extrapolation" in trust


def test_a_study_without_runs_at_the_budget_answers_nothing(
    sized_study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"plan --study {sized_study} --epsilon 8".split()) == 2
    assert "at epsilon 8 and without privacy; there are 0" in capsys.readouterr().err
