"""``workbench audit`` as a gate: 0 nothing found, 1 falsified, 2 could not run."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from small_audits import CLAIMED, labelled

from workbench.__main__ import main
from workbench.auditing import every as ways
from workbench.auditing.config import AuditConfig
from workbench.runs import fleet
from workbench.runs.jobs import start
from workbench.runs.store import Store

SMALL = "--steps 40 --canaries 200 --nulls 1500"
STATED = ["--delta", "1e-5", "--unit", "slice", "--adjacency", CLAIMED["adjacency"]]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return labelled(tmp_path_factory.mktemp("labelled"))


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    status = main(["audit", *words, "--json"])
    said = capsys.readouterr()
    return status, json.loads(said.out.splitlines()[-1]) if said.out else None, said.err


def test_where_nothing_is_found_the_status_is_0(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"--engine bookkeeping --noise-multiplier 1 --sample-rate 0.05 --data {data} {SMALL}"
    status, result, err = answer(capsys, *words.split())
    assert status == 0
    promised = """epsilon_claimed epsilon_per_step epsilon_end_to_end epsilon_one_run_fdp
        epsilon_steinke epsilon_clopper_pearson ceiling probes verdict seconds run"""
    assert set(promised.split()) <= set(result)
    assert "(1.56, 1e-05)-DP per slice" in err or "-DP per slice, add or remove one" in err
    record = Store().record(result["run"])
    assert (record.kind, record.status) == ("audit", "finished")
    assert "trade_off/alpha" in Store().arrays(result["run"])


@pytest.mark.parametrize(
    ("bug", "test"),
    [
        ("noise-5-percent-low", "noise-variance"),
        ("clip-per-layer", "sensitivity-natural"),
        ("shuffle-as-poisson", "epoch-repeats"),
    ],
)
def test_a_bug_ends_with_1_and_names_its_test(
    data: str, capsys: pytest.CaptureFixture[str], bug: str, test: str
) -> None:
    status, result, err = answer(capsys, *f"--bug {bug} --data {data} {SMALL}".split())
    assert (status, result["verdict"], result["bug"]) == (1, "claim falsified", bug)
    assert test in result["caught_by"]
    assert f"caught by {test}: " in err


def test_a_person_reads_what_was_found_and_gets_a_page(
    data: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "report" / "audit.html"
    words = f"--engine opacus-ghost --network cnn-reflect --data {data} {SMALL} --report {page}"
    assert main(["audit", *words.split()]) == 1
    said = capsys.readouterr().out
    assert "claim falsified by sensitivity-" in said
    assert "moves the sum by" in said
    assert "is the most by the accountant" in said
    assert "claim falsified" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--canaries", "10"], "22 or more are needed"),
        (["--noise", "seeded"], "audit a run with secure noise"),
        (["--engine", "magic"], "Engine must be bookkeeping or"),
        (["--training", "nowhere:train"], "A claim without delta cannot be audited"),
        (["--training", "nowhere:train", *STATED], "nowhere:train cannot be found"),
        (["--network", "train-20261120-101010-abcdef"], "was trained already"),
        (["--run", "train-nobody"], "There is no run train-nobody"),
        (["membership", "--run", "train-nobody", "--steps", "3"], "leave out --steps"),
        (["membership", "--references", "5", "--network", "cnn"], "complementary halves"),
    ],
)
def test_what_could_not_run_is_one_sentence_and_status_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, result, err = answer(capsys, *words)
    assert (status, result) == (2, None)
    assert sentence in err
    assert "Traceback" not in err


def test_a_training_that_fails_could_not_be_audited(
    data: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_failing_training.py").write_text(
        "def train(exam):\n    raise OSError('full')\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["--training", "my_failing_training:train", *STATED, "--data", data, *SMALL.split()]
    status, result, err = answer(capsys, *words)
    assert (status, result) == (2, None)
    assert "OSError: full" in err


def test_an_error_of_the_command_itself_is_no_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(AuditConfig, "__post_init__", broken)
    status, result, err = answer(capsys)
    assert (status, result) == (2, None)
    assert "out of order" in err


def test_a_pipe_that_closes_does_not_hide_the_verdict(
    data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("workbench.cli.audit.tell", closed)
    assert main(["audit", "--bug", "clip-per-layer", "--data", data, *SMALL.split()]) == 1


def test_the_claim_of_a_finished_run_is_audited(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    train = f"train --data {data} --model cnn --steps 8 --sample-rate 0.1 --delta 1e-3 --json"
    assert main([*train.split(), "--noise-multiplier", "0.8"]) == 0
    run = json.loads(capsys.readouterr().out.splitlines()[-1])["run"]
    words = f"--run {run} --data {data} --canaries 200 --nulls 1500"
    status, result, _ = answer(capsys, *words.split())
    assert status == 0
    claim = result["claim"]
    assert (claim["noise_multiplier"], claim["sample_rate"], claim["steps"]) == (0.8, 0.1, 8)
    assert (claim["unit"], claim["delta"]) == ("patient", 1e-3)
    assert (result["optimizer"], result["network"]) == ("adam", "cnn")

    for more, sentence in (
        (["--noise-multiplier", "1", "--noise", "seeded"], "Seeded noise can be repeated"),
        ([], "was trained without noise"),
    ):
        words = train if more else train.replace(" --delta 1e-3", "")
        assert main([*words.split(), *more]) == 0
        other = json.loads(capsys.readouterr().out.splitlines()[-1])["run"]
        status, _, err = answer(capsys, "--run", other)
        assert status == 2
        assert sentence in err


def test_every_way_is_audited_and_one_that_is_broken_breaks_all(
    data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = {"data": data, "steps": 40, "canaries": 200, "nulls": 1500}
    right = {"one": AuditConfig(**size)}
    monkeypatch.setattr(ways, "every", lambda nightly: right)
    status, result, _ = answer(capsys, "every")
    assert (status, result["caught"], set(result["audits"])) == (0, [], {"one"})
    studies = {record.study for record in Store().list(kind="audit")}
    assert len(studies) == 1

    wrong = right | {"three": AuditConfig(bug="clip-per-layer", **size)}
    monkeypatch.setattr(ways, "every", lambda nightly: wrong)
    assert main(["audit", "every"]) == 1
    said = capsys.readouterr().out
    assert "three" in said
    assert "claim falsified" in said


def test_engines_and_bugs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--list"]) == 0
    said = capsys.readouterr().out
    for word in ("bookkeeping", "privacy-engine-ghost", "clip-per-layer", "seed-published"):
        assert word in said


def test_the_membership_of_a_training_that_words_describe_is_attacked(
    data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    words = f"membership --data {data} --network mlp --steps 2 --sample-rate 0.3 --unit patient"
    private = "--noise-multiplier 1 --delta 1e-3"
    status, result, _ = answer(capsys, *words.split(), *private.split())
    assert status == 0
    assert set(result["attacks"]) >= {"loss", "rmia"}
    assert (result["unit"], result["claim"]["noise_multiplier"]) == ("patient", 1.0)
    assert len(result["references"]) == 4
    # The same once more trains nothing, and is told in words.
    assert main(["audit", *words.split(), *private.split()]) == 0
    said = capsys.readouterr().out
    assert "AUC" in said
    assert "An attack that fails proves nothing" in said
