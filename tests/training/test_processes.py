"""Several processes train as one: the same draws, one noise, the same promise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.runs.store import Store

STEPS = 6
SETTINGS = (
    "--steps", str(STEPS), "--sample-rate", "0.4", "--noise-multiplier", "1",
    "--delta", "1e-3", "--json",
)  # fmt: skip


def train(discs: str, home: Path, processes: int, *more: str) -> dict[str, object]:
    together = (
        ("torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m")
        if processes > 1
        else ()
    )
    command = [sys.executable, "-m", *together, "workbench", "train", "--data", discs]
    ended = subprocess.run(
        [*command, *SETTINGS, *more, "--out", str(home)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, object] = json.loads(ended.stdout.strip().splitlines()[-1])
    return said


def weights(home: Path, said: dict[str, object]) -> np.ndarray:
    saved = Store(home).checkpoint(str(said["run"])).tensors
    return np.concatenate([v.ravel() for name, v in saved.items() if name.startswith("model/")])


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(discs: str, tmp_path: Path) -> None:
    one = train(discs, tmp_path / "one", 1, "--noise", "seeded")
    two = train(discs, tmp_path / "two", 2, "--noise", "seeded")
    assert two["epsilon"] == one["epsilon"]
    assert two["dice"] == pytest.approx(one["dice"], abs=1e-3)
    alone, together = weights(tmp_path / "one", one), weights(tmp_path / "two", two)
    moved = np.abs(alone - together).max()
    assert moved < 1e-3, "the sums of two halves differ by rounding alone"


@pytest.mark.slow
def test_two_processes_give_the_guarantee_of_one_and_are_charged_once(
    discs: str, tmp_path: Path
) -> None:
    said = train(discs, tmp_path, 2)
    assert said["steps"] == STEPS
    assert "-DP per patient" in str(said["guarantee"])
    assert [record.status for record in Store(tmp_path).list()] == ["finished"]
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["data", "reserve", "settle"]
    assert lines[-1]["steps"] == STEPS
