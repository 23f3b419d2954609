"""Every training is charged: reserved before its first gradient, settled to the steps counted."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity
from workbench.accounting.pld import epsilon_spent
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_to_json
from workbench.runs.events import Event, Finished, Started
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.training.charge import identity_of
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.events import Step, Validated, Warned
from workbench.training.loop import train


def config(data: str, **changes: object) -> TrainConfig:
    settings = {"data": data, "steps": 6, "sample_rate": 0.3, "privacy": private()} | changes
    return TrainConfig(**settings)  # type: ignore[arg-type]


def private(**changes: object) -> PrivacyConfig:
    return PrivacyConfig(**({"noise_multiplier": 1.0, "delta": 1e-3} | changes))  # type: ignore[arg-type]


def cost(steps: int) -> float:
    return epsilon_spent(noise_multiplier=1.0, sample_rate=0.3, steps=steps, delta=1e-3)


def until_step(events: Iterator[Event], number: int) -> None:
    for event in events:
        if isinstance(event, Step) and event.step == number:
            return


def test_the_whole_run_is_reserved_before_anything_is_computed(discs: str, workspace: Path) -> None:
    events = train(config(discs), Attempt(run="one", home=workspace))
    assert isinstance(next(events), Started)
    (account,) = Ledger(workspace).accounts()
    assert account.open == 1
    assert account.epsilon == pytest.approx(cost(6), rel=2e-3)


def test_a_finished_run_is_settled(discs: str, workspace: Path) -> None:
    *_, last = train(config(discs), Attempt(run="one", home=workspace))
    (account,) = Ledger(workspace).accounts()
    assert isinstance(last, Finished)
    assert account.open == 0
    assert account.epsilon == pytest.approx(float(last.result["epsilon"]), rel=2e-3)


def test_a_stopped_run_is_charged_for_its_steps(discs: str, workspace: Path) -> None:
    events = train(config(discs), Attempt(run="one", home=workspace))
    until_step(events, 2)
    events.close()  # type: ignore[attr-defined]
    (account,) = Ledger(workspace).accounts()
    assert account.open == 0
    assert account.epsilon == pytest.approx(cost(2), rel=2e-3)


def test_a_run_that_is_refused_is_not_charged(discs: str, workspace: Path) -> None:
    with pytest.raises(BadInput, match="Delta must be below"):
        list(train(config(discs, privacy=private(delta=0.5))))
    assert Ledger(workspace).accounts() == []


def test_runs_on_the_same_pictures_add_up_whatever_they_are_called(
    discs: str, workspace: Path, tmp_path: Path
) -> None:
    list(train(config(discs)))
    with np.load(discs) as whole:
        part = {name: array[:40] for name, array in whole.items()}
    np.savez(tmp_path / "other name.npz", **part)
    list(train(config(str(tmp_path / "other name.npz"))))
    (account,) = Ledger(workspace).accounts()
    assert account.runs == 2
    assert account.epsilon == pytest.approx(cost(12), rel=2e-3)


def test_runs_on_a_few_of_the_patients_are_charged_on_the_whole_set(
    discs: str, workspace: Path
) -> None:
    list(train(config(discs, steps=2, patients=3)))
    list(train(config(discs, steps=2)))
    (account,) = Ledger(workspace).accounts()
    assert account.runs == 2
    assert account.epsilon == pytest.approx(cost(4), rel=2e-3)


def test_every_picture_is_hashed_once_also_where_weights_are_taken_over(
    discs: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    first = config_to_json(config(discs, steps=1))
    run = store.open("train", first)
    list(drive("workbench.training.loop:work", first, run=run, store=store))
    asked: list[str] = []

    def counted(slices: SliceSet, source: str) -> Identity:
        asked.append(source)
        return identity_of(slices, source)

    monkeypatch.setattr("workbench.training.loop.identity_of", counted)
    list(train(config(discs, steps=1, pretrained=run), Attempt(run="two", home=workspace)))
    assert asked == [discs]


def test_the_same_file_at_another_size_is_the_same_data(discs: str, workspace: Path) -> None:
    list(train(config(discs, steps=1)))
    list(train(config(discs, steps=1, image_size=16)))
    assert len(Ledger(workspace).accounts()) == 1


@pytest.mark.parametrize("privacy", [None, private(noise="seeded"), private(noise_multiplier=0.0)])
def test_runs_without_protection_stand_in_the_ledger_apart(
    discs: str, workspace: Path, privacy: PrivacyConfig | None
) -> None:
    list(train(config(discs, steps=1, privacy=privacy)))
    (account,) = Ledger(workspace).accounts()
    assert (account.runs, account.unprotected, account.epsilon) == (1, 1, 0.0)
    assert account.epsilon_if_all_seen == float("inf")


def budget(discs: str, workspace: Path, epsilon: float, policy: str = "stop") -> None:
    who = identity_of(load(discs), discs)
    Ledger(workspace).set_budget(who, epsilon=epsilon, delta=1e-3, policy=policy)  # type: ignore[arg-type]


def test_a_run_that_would_exceed_the_budget_does_not_start(discs: str, workspace: Path) -> None:
    list(train(config(discs, steps=2)))
    budget(discs, workspace, cost(6))
    with pytest.raises(BadInput, match="budget"):
        list(train(config(discs, steps=6)))
    (account,) = Ledger(workspace).accounts()
    assert account.runs == 1


def test_a_budget_that_warns_lets_the_run_go_on_and_says_so(discs: str, workspace: Path) -> None:
    list(train(config(discs, steps=2)))
    budget(discs, workspace, cost(3), "warn")
    events = list(train(config(discs, steps=6)))
    assert isinstance(events[-1], Finished)
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert "budget" in warned.message


def test_a_run_whose_budget_is_lowered_ends_with_its_last_good_network(
    discs: str, workspace: Path
) -> None:
    events = train(config(discs, steps=50), Attempt(run="one", home=workspace))
    until_step(events, 3)
    budget(discs, workspace, cost(5) * 1.001)
    rest = list(events)
    last = rest[-1]
    assert isinstance(last, Finished)
    assert 3 <= int(last.result["steps"]) <= 5
    assert "budget" in str(last.result["stopped"])
    assert any(isinstance(event, Validated) for event in rest)
    (account,) = Ledger(workspace).accounts()
    assert account.epsilon <= cost(5) * 1.001


def test_a_resumed_run_is_charged_once(
    discs: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.training.loop._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    events = train(config(discs), Attempt(run="one", home=workspace))
    saved = next(event for event in events if type(event).__name__ == "Checkpointed")
    events.close()  # type: ignore[attr-defined]
    list(train(config(discs), Attempt(run="one", home=workspace, checkpoint=saved)))  # type: ignore[arg-type]
    (account,) = Ledger(workspace).accounts()
    assert account.runs == 1
    assert account.epsilon == pytest.approx(cost(6), rel=2e-3)


@pytest.mark.slow
def test_a_killed_command_stays_charged_in_full(discs: str, workspace: Path) -> None:
    words = (
        "--data", discs, "--steps", "5000", "--sample-rate", "0.3", "--noise-multiplier", "1",
        "--delta", "1e-3",
    )  # fmt: skip
    command = subprocess.Popen(
        [sys.executable, "-m", "workbench", "train", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "WORKBENCH_HOME": str(workspace)},
    )
    patience = time.monotonic() + 90
    while not Ledger(workspace).accounts() and time.monotonic() < patience:
        time.sleep(0.2)
    time.sleep(1)
    command.send_signal(signal.SIGKILL)
    command.wait()
    ended = subprocess.run(
        [sys.executable, "-m", "workbench", "ledger", "verify"],
        capture_output=True,
        text=True,
        env={**os.environ, "WORKBENCH_HOME": str(workspace)},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "5000 of 5000 planned steps charged" in ended.stdout
