"""``workbench ledger`` shows, checks, limits and foretells."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.chain import LedgerDamaged
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.cli import ledger as command
from workbench.errors import BadInput

LIVER = Identity("liver", "a1b2c3d4e5f60718", ("s1", "s2", "s3"), patients=2, largest_patient=2)
SPENT = gaussian_epsilon(8, 400, 1e-4)


def planned(steps: int, **other: Any) -> Planned:
    return Planned(noise_multiplier=8.0, sample_rate=1.0, steps=steps, delta=1e-4, **other)


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)  # the dispatcher's, and of every command
    command.arguments(parser)
    return parser.parse_args(words)


def ask(*words: str) -> dict[str, Any]:
    """The command's JSON, which is strict JSON."""
    found = command.run(parsed(*words))
    again: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return again


def told(*words: str) -> str:
    return command.tell(command.run(parsed(*words)))


@pytest.fixture
def charged(workspace: Path) -> Ledger:
    """Three runs on one data set: one settled, one that never ended, one without noise."""
    ledger = Ledger(workspace)
    ledger.reserve(LIVER, planned(300), run="train-1").settle(100)
    ledger.reserve(LIVER, planned(300), run="train-2")
    ledger.reserve(LIVER, planned(50, unprotected="seeded noise"), run="demo-1").settle(50)
    return ledger


def test_an_empty_workspace_says_so_and_stays_empty(workspace: Path) -> None:
    assert ask() == {"accounts": [], "lines": 0, "head": "0" * 64}
    assert told() == "Nothing has been charged in this workspace yet."
    assert ask("verify")["lines"] == 0
    assert list(workspace.iterdir()) == []


def test_show_lists_the_accounts(charged: Ledger) -> None:
    found = ask("show")
    (account,) = found["accounts"]
    assert account["names"] == ["liver"]
    assert (account["runs"], account["unprotected"], account["open"]) == (3, 1, 1)
    assert account["epsilon"] == pytest.approx(SPENT, rel=1e-6)
    assert account["epsilon_if_all_seen"] == "inf"
    assert (account["budget"], account["left"]) == (None, None)
    assert found["lines"] == 6
    assert found["head"] == charged.verify().head


def test_the_table_says_what_stands_in_it_and_where_the_head_is(charged: Ledger) -> None:
    charged.set_budget("liver", epsilon=20, delta=1e-4)
    head, row, *notes = told().splitlines()
    assert head.split() == [
        "data", "fingerprint", "patients", "runs", "epsilon", "delta", "budget", "left",
    ]  # fmt: skip
    assert row.split()[:5] == ["liver", "a1b2c3d4", "2", "3", round_up(SPENT)]
    assert "20 (stop)" in row
    text = "\n".join(notes)
    assert "1 of 3 runs protect nobody" in text
    assert "1 of 3 runs are charged in full" in text
    assert f"Head {charged.verify().head}" in text


def test_what_is_left_is_never_said_to_be_more_than_it_is(charged: Ledger) -> None:
    charged.set_budget("liver", epsilon=SPENT + 0.0199, delta=1e-4)
    assert told().splitlines()[1].split()[-1] == "0.01"
    charged.set_budget("liver", epsilon=SPENT - 0.0101, delta=1e-4)
    assert told().splitlines()[1].endswith("overspent by 0.02")


@pytest.mark.parametrize("which", ["liver", "a1b2c3", "a1b2c3d4e5f60718"])
def test_show_data_lists_its_runs(charged: Ledger, which: str) -> None:
    found = ask("show", which)
    first, second, third = found["runs"]
    assert (first["run"], first["status"], first["steps"]) == ("train-1", "settled", 100)
    assert (second["status"], second["steps"]) == ("reserved in full", 300)
    assert second["epsilon_alone"] == pytest.approx(gaussian_epsilon(8, 300, 1e-4), rel=1e-6)
    assert second["epsilon_composed"] == pytest.approx(SPENT, rel=1e-6)
    assert (third["unprotected"], third["epsilon_alone"]) == ("seeded noise", "inf")
    text = told("show", which)
    assert "100 of 300" in text
    assert "settled, seeded noise" in text
    assert f"liver: epsilon {round_up(SPENT)} at delta 0.0001 per patient, no budget" in text


def test_verify_names_the_charges_that_stand_in_full(charged: Ledger) -> None:
    found = ask("verify")
    assert (found["verified"], found["lines"]) == (True, 6)
    sentence = "run train-2: 300 of 300 planned steps charged: it never reported its end"
    assert found["standing"] == [sentence]
    text = told("verify")
    assert "6 lines, every hash and link fits" in text
    assert text.splitlines()[-1] == sentence


def test_verify_compares_with_a_head_that_was_written_down(charged: Ledger) -> None:
    noted = ask()["head"]
    charged.reserve(LIVER, planned(1), run="later")
    assert ask("verify", "--head", noted)["compared_with"] == noted
    assert "nothing was cut since" in told("verify", "--head", noted)
    with pytest.raises(LedgerDamaged, match="fit each other, but no line has the hash f"):
        ask("verify", "--head", "f" * 64)


@pytest.mark.parametrize("words", [["verify"], [], ["show", "liver"], ["cost", "liver"]])
def test_a_damaged_ledger_is_one_sentence_in_every_action(
    charged: Ledger, workspace: Path, words: list[str]
) -> None:
    path = workspace / "ledger.jsonl"
    path.write_text(path.read_text().replace('"steps": 100,', '"steps": 10,'))
    more = ["--noise-multiplier", "8", "--sample-rate", "1", "--steps", "1"]
    with pytest.raises(LedgerDamaged, match="line 3 was changed after it was written"):
        command.run(parsed(*words, *(more if words[:1] == ["cost"] else [])))


def test_a_budget_is_set_and_told(charged: Ledger) -> None:
    words = ("budget", "liver", "--epsilon", "30", "--delta", "1e-4", "--policy", "warn")
    found = ask(*words)
    assert found["account"]["budget"] == {"epsilon": 30.0, "delta": 1e-4, "policy": "warn"}
    assert found["account"]["left"] == pytest.approx(30 - SPENT, rel=1e-6)
    assert "liver has a budget of 30 (warn) at delta 0.0001 per patient" in told(*words)
    text = told("budget", "liver", "--epsilon", "1", "--delta", "1e-4")
    assert "overspent by" in text
    with pytest.raises(BadInput, match="has a budget of epsilon 1 "):
        charged.reserve(LIVER, planned(1), run="late")


def test_cost_tells_what_a_run_would_add_and_charges_nothing(
    charged: Ledger, workspace: Path
) -> None:
    before = (workspace / "ledger.jsonl").read_bytes()
    words = ("cost", "liver", "--noise-multiplier", "8", "--sample-rate", "1", "--steps", "100")
    found = ask(*words)
    after = gaussian_epsilon(8, 500, 1e-4)
    assert found["before"] == pytest.approx(SPENT, rel=1e-6)
    assert found["after"] == pytest.approx(after, rel=1e-6)
    assert (found["budget"], found["room"], found["delta"]) == (None, None, 1e-4)
    assert f"from epsilon {round_up(SPENT)} to {round_up(after)}" in told(*words)
    sliced = ask(*words, "--unit", "slice")
    assert sliced["after"] > found["after"]
    assert (workspace / "ledger.jsonl").read_bytes() == before
    charged.set_budget("liver", epsilon=gaussian_epsilon(8, 450, 1e-4) + 1e-6, delta=1e-4)
    assert ask(*words)["room"] == 50
    assert "above the budget" in told(*words)
    assert "50 of its steps would fit" in told(*words)


def test_cost_needs_a_delta_where_nothing_private_has_run(workspace: Path) -> None:
    Ledger(workspace).reserve(LIVER, planned(50, unprotected="no privacy"), run="demo")
    words = ("cost", "liver", "--noise-multiplier", "8", "--sample-rate", "1", "--steps", "400")
    with pytest.raises(BadInput, match="--delta"):
        ask(*words)
    assert ask(*words, "--delta", "1e-4")["after"] == pytest.approx(SPENT, rel=1e-6)
    with pytest.raises(BadInput, match="Delta must be between 0 and 1"):
        ask(*words, "--delta", "0")


def test_what_is_missing_or_unknown_is_one_sentence(charged: Ledger) -> None:
    for words, sentence in (
        (["budget"], "Say for which data: workbench ledger budget DATA"),
        (["budget", "liver", "--delta", "1e-5"], "needs --epsilon"),
        (["budget", "liver", "--epsilon", "1"], "needs --delta"),
        (["budget", "liver", "--epsilon", "-1", "--delta", "1e-5"], "above 0, not -1"),
        (["cost", "liver", "--steps", "3"], "needs --noise-multiplier"),
        (["show", "lung"], "it knows liver"),
        (["verify", "--head", "abc"], "12 characters or more"),
    ):
        with pytest.raises(BadInput, match=sentence):
            command.run(parsed(*words))


def test_the_ledger_of_another_folder_can_be_read(charged: Ledger, tmp_path: Path) -> None:
    Ledger(tmp_path).reserve(LIVER, planned(10), run="elsewhere")
    assert ask("--out", str(tmp_path))["accounts"][0]["runs"] == 1


def test_after_a_kill_verify_shows_the_full_charge(workspace: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path;"
        "from workbench.accounting.ledger.ledger import Identity, Ledger, Planned;"
        "p = Planned(noise_multiplier=1, sample_rate=.1, steps=300, delta=1e-5);"
        f"Ledger(Path({str(workspace)!r})).reserve(Identity('a', 'abcdef', ('s',), 1, 1), p,"
        "run='train-7'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert ask("verify")["standing"] == [
        "run train-7: 300 of 300 planned steps charged: it never reported its end"
    ]
