"""``workbench runs`` lists and shows what the store knows."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pytest

from workbench.cli import runs
from workbench.errors import BadInput
from workbench.runs.events import Finished, Progress, Started, to_json
from workbench.runs.store import Store

GUARANTEE = {
    "epsilon": 7.991,
    "delta": 1e-3,
    "unit": "patient",
    "adjacency": "add or remove one",
    "sampling": "Poisson q = 0.05, 300 steps",
    "accountant": "PLD",
    "assumptions": ["window"],
    "void_reason": "",
}


@pytest.fixture
def two_runs(workspace: Path) -> tuple[str, str]:
    store = Store()
    private = store.open("train", {"data": "phantom-liver", "model": None, "steps": 300})
    store.append(private, Started(facts={"guarantee": GUARANTEE, "fingerprint": "f00"}))
    result = {"dice": 0.81234, "name": "unet", "epsilon": 7.991}
    store.append(private, Finished(result=result, arrays={"a": np.ones(1)}))
    attack = store.open("attack", {"noise_multiplier": 0.0, "far": math.inf}, study="fill")
    store.append(attack, Progress(done=3, total=10, doing="looking"))
    store.close()
    return private, attack


def command(*words: str) -> object:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)  # the dispatcher's, and of every command
    runs.arguments(parser)
    return runs.run(parser.parse_args(words))


def test_an_empty_workspace_says_so(workspace: Path) -> None:
    assert command() == []
    assert runs.tell([]) == "Nothing has run in this workspace yet."


def test_the_list_is_json_with_the_records(two_runs: tuple[str, str]) -> None:
    listed = json.loads(json.dumps(command(), allow_nan=False))
    assert [record["id"] for record in listed] == list(two_runs)
    assert listed[0]["guarantee"] == GUARANTEE
    assert listed[0]["status"] == "finished"
    assert listed[1]["config"] == {"noise_multiplier": 0.0, "far": "inf"}
    assert listed[1]["study"] == "fill"


def test_the_list_can_be_narrowed(two_runs: tuple[str, str]) -> None:
    assert [record["id"] for record in command("--kind", "train")] == [two_runs[0]]  # type: ignore[attr-defined]
    assert [record["id"] for record in command("--study", "fill")] == [two_runs[1]]  # type: ignore[attr-defined]


def test_the_table_shows_the_newest_first_and_rounds_epsilon_up(
    two_runs: tuple[str, str],
) -> None:
    head, attack, private = runs.tell(command()).splitlines()
    assert head.split() == ["run", "status", "when", "epsilon", "result", "config"]
    assert private.startswith(two_runs[0])
    assert "8.00" in private
    assert "dice 0.8123" in private
    assert "data=phantom-liver steps=300" in private
    assert attack.startswith(two_runs[1])
    assert "3 of 10" in attack


def test_one_run_is_shown_with_its_guarantee_as_a_sentence(two_runs: tuple[str, str]) -> None:
    shown = command("show", two_runs[0][-6:])
    assert isinstance(shown, dict)
    assert shown["events"] == {"Started": 1, "Finished": 1}
    assert shown["files"] == ["arrays.npz", "run.json"]
    text = runs.tell(shown)
    assert "(8.00, 0.001)-DP per patient, add or remove one, Poisson q = 0.05, 300 steps" in text
    assert "assumed public: window" in text
    assert "f00" in text


def test_a_run_that_is_not_there_is_bad_input(two_runs: tuple[str, str]) -> None:
    for words, sentence in (
        (["show"], "Say which run"),
        (["show", "nope"], "There is no run nope"),
        (["show", "-"], "2 runs have '-' in their id"),
        (["list", "x"], "workbench runs show x"),
    ):
        with pytest.raises(BadInput, match=sentence):
            command(*words)


def test_another_workspace_can_be_listed(two_runs: tuple[str, str], tmp_path: Path) -> None:
    Store(tmp_path).close()
    assert command("--out", str(tmp_path)) == []


def test_a_guarantee_of_another_version_is_still_shown(two_runs: tuple[str, str]) -> None:
    shown = command("show", two_runs[0])
    assert isinstance(shown, dict)
    strange = {**shown, "guarantee": to_json({"epsilon": math.inf, "novel": 1})}
    assert "epsilon=inf novel=1" in runs.tell(strange)
