"""Many processes, sudden deaths: never less charged than spent, and the chain intact."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ledger_cases import data

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.ledger.ledger import Ledger

PROGRAM = Path(__file__).with_name("ledger_processes.py")


def ran(*words: object) -> dict[str, Any]:
    command = [sys.executable, str(PROGRAM), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_after_two_hundred_deaths_at_random_moments_nothing_was_undercharged(
    tmp_path: Path,
) -> None:
    # The program checks the chain and every charge after each death.
    found = ran("kills", tmp_path, 200, 7)
    ends = found["ends"]
    assert sum(ends.values()) == 200
    # Many died between the charge and the end, or this would show little.
    assert ends.get("at work", 0) + ends.get("reserved", 0) >= 20, ends
    unsettled = sum(not charge.settled for charge in Ledger(tmp_path).charges("liver"))
    assert len(Ledger(tmp_path).verify().standing) == unsettled > 0


@pytest.mark.slow
def test_eight_processes_at_once_lose_no_line(tmp_path: Path) -> None:
    found = ran("write", tmp_path, 8)
    assert found["problems"] == []
    assert found["charged"] == {f"run-{n}-{turn}": turn for n in range(8) for turn in range(12)}
    assert found["unsettled"] == 0
    # Nine data sets, and two lines for each run.
    assert found["lines"] == 9 + 2 * 8 * 12


@pytest.mark.slow
def test_eight_processes_at_once_get_three_runs_out_of_a_budget_for_three(
    tmp_path: Path,
) -> None:
    budget = gaussian_epsilon(8, 300, 1e-4) + 0.01
    Ledger(tmp_path).set_budget(data("liver"), epsilon=budget, delta=1e-4)
    found = ran("race", tmp_path, 8)
    assert found["problems"] == []
    assert sorted(found["charged"].values()) == [100, 100, 100]
    assert found["epsilon"] <= budget
    assert len(found["refused"]) == 5
    # Nobody gives a step back, so to the last five nothing was left.
    assert all("one step of it fits" in said or "at most" in said for said in found["refused"])


@pytest.mark.parametrize("act", ["reserve", "settle", "budget"])
@pytest.mark.parametrize("torn", [0, 1], ids=["whole file", "behind a torn line"])
def test_wherever_a_writer_dies_the_ledger_is_whole_before_or_after_its_line(
    tmp_path: Path, act: str, torn: int
) -> None:
    moments = ran("moments", tmp_path, act, torn)["moments"]
    assert [moment["died"] for moment in moments] == [True] * (len(moments) - 1) + [False]
    assert len(moments) > 10
    for moment in moments:
        assert moment["problems"] == []
        assert moment["kept"], "lines that were acknowledged are there"
        assert moment["steps"] in ((100, 40) if act == "settle" else (100,))
        # And it goes on from there, by two lines more for new data, reserved and settled.
        assert moment["lines afterwards"] == moment["lines"] + 3
    done = {"reserve": 4, "settle": 3, "budget": 3}[act]
    assert moments[-1]["lines"] == done
    assert {moment["lines"] for moment in moments} >= {2, done}


def test_wherever_the_first_writer_dies_the_next_one_can_begin(tmp_path: Path) -> None:
    moments = ran("moments", tmp_path, "first", 0)["moments"]
    assert moments[-1]["died"] is False
    assert {moment["lines"] for moment in moments} >= {0, 2}
    assert all(moment["problems"] == [] for moment in moments)
    assert all(moment["lines afterwards"] == moment["lines"] + 3 for moment in moments)
