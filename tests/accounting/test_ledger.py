"""The ledger charges first, settles later, and knows data by what is in them."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ledger_cases import data, lines, plan

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.errors import BadInput


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def steps_of(ledger: Ledger, which: str = "liver") -> dict[str, int]:
    return {point.run: point.charge.steps for point in ledger.history(which)}


def test_a_ledger_that_nobody_wrote_to_leaves_no_trace(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.accounts() == []
    assert ledger.verify().problems == ()
    assert list(tmp_path.iterdir()) == []


def test_a_line_can_be_read_and_checked_without_the_workbench(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.reserve(data("Größe"), plan(300), run="r1").settle(120)
    ledger.set_budget("Größe", epsilon=9, delta=1e-5, policy="warn")
    met, reserved, settled, budget = found = lines(tmp_path)
    assert [line["line"] for line in found] == [1, 2, 3, 4]
    assert [line["kind"] for line in found] == ["data", "reserve", "settle", "budget"]
    assert met["name"] == "Größe"
    assert "Größe" in (tmp_path / "ledger.jsonl").read_text(encoding="utf-8")
    assert (reserved["run"], reserved["steps"], reserved["group"]) == ("r1", 300, 1)
    assert (reserved["protected"], reserved["why"]) == (True, "")
    assert settled["steps"] == 120
    assert (budget["epsilon"], budget["policy"]) == (9.0, "warn")
    previous = "0" * 64
    for line in found:
        content = {key: value for key, value in line.items() if key != "hash"}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert line["previous"] == previous
        assert line["hash"] == hashlib.sha256(text.encode()).hexdigest()
        assert line["at"].endswith("+00:00")
        previous = line["hash"]
    assert json.loads((tmp_path / "ledger.head").read_text()) == {"lines": 4, "hash": previous}


def test_a_run_is_charged_in_full_until_it_reports_its_end(ledger: Ledger) -> None:
    reservation = ledger.reserve(data("liver"), plan(300), run="r1")
    assert steps_of(ledger) == {"r1": 300}
    assert ledger.account("liver").open == 1
    reservation.settle(120)
    assert steps_of(ledger) == {"r1": 120}
    assert ledger.account("liver").open == 0


def test_a_run_that_ended_before_its_first_step_costs_nothing(ledger: Ledger) -> None:
    ledger.reserve(data("liver"), plan(300), run="r1").settle(0)
    ledger.reserve(data("liver"), plan(unprotected="no privacy"), run="r2").settle(0)
    account = ledger.account("liver")
    assert (account.epsilon, account.epsilon_if_all_seen, account.unprotected) == (0, 0, 0)


def test_another_process_reads_what_this_one_wrote(ledger: Ledger, tmp_path: Path) -> None:
    other = Ledger(tmp_path)
    assert other.accounts() == []
    reservation = ledger.reserve(data("liver"), plan(300), run="r1")
    assert steps_of(other) == {"r1": 300}
    other.reserve(data("liver"), plan(50), run="r2").settle(10)
    reservation.settle(200)
    assert steps_of(other) == steps_of(ledger) == {"r1": 200, "r2": 10}


def test_a_resumed_run_is_one_run_charged_in_full_again(ledger: Ledger) -> None:
    ledger.reserve(data("liver"), plan(300), run="r1").settle(120)
    again = ledger.reserve(data("liver"), plan(300), run="r1")
    assert steps_of(ledger) == {"r1": 300}
    again.settle(300)
    longer = ledger.reserve(data("liver"), plan(350), run="r1")
    assert steps_of(ledger) == {"r1": 350}
    longer.settle(340)
    assert steps_of(ledger) == {"r1": 340}
    assert ledger.account("liver").runs == 1


def test_a_resumed_run_that_plans_less_is_still_charged_what_it_had_reserved(
    ledger: Ledger,
) -> None:
    ledger.reserve(data("liver"), plan(300), run="r1")
    ledger.reserve(data("liver"), plan(100), run="r1")
    assert steps_of(ledger) == {"r1": 300}


def test_a_run_cannot_be_resumed_with_other_noise(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve(data("liver"), plan(300), run="r1")
    before = lines(tmp_path)
    with pytest.raises(BadInput, match="noise multiplier 8, .* not with noise multiplier 2"):
        ledger.reserve(data("liver"), plan(300, noise_multiplier=2.0), run="r1")
    with pytest.raises(BadInput, match="not with seeded noise"):
        ledger.reserve(data("liver"), plan(300, unprotected="seeded noise"), run="r1")
    assert lines(tmp_path) == before


def test_fewer_steps_than_reported_before_are_refused_and_the_charge_stays(
    ledger: Ledger,
) -> None:
    ledger.reserve(data("liver"), plan(300), run="r1").settle(120)
    again = ledger.reserve(data("liver"), plan(300), run="r1")
    with pytest.raises(BadInput, match="it has reported 120 before"):
        again.settle(119)
    assert steps_of(ledger) == {"r1": 300}


def test_a_seeded_run_that_repeats_its_steps_may_report_fewer_and_lowers_nothing(
    ledger: Ledger,
) -> None:
    seeded = plan(300, unprotected="seeded noise")
    ledger.reserve(data("liver"), seeded, run="r1").settle(120)
    ledger.reserve(data("liver"), seeded, run="r1").settle(110)
    assert steps_of(ledger) == {"r1": 120}


def test_more_steps_than_reserved_are_told_and_all_charged(ledger: Ledger) -> None:
    reservation = ledger.reserve(data("liver"), plan(300), run="r1")
    assert not reservation.within(301)
    with pytest.raises(BadInput, match="taken 301 steps and had reserved 300"):
        reservation.settle(301)
    assert steps_of(ledger) == {"r1": 301}


def test_reporting_the_same_end_twice_writes_one_line(ledger: Ledger, tmp_path: Path) -> None:
    reservation = ledger.reserve(data("liver"), plan(300), run="r1")
    reservation.settle(10)
    reservation.settle(10)
    assert [line["kind"] for line in lines(tmp_path)] == ["data", "reserve", "settle"]


@pytest.mark.parametrize("steps", [-1, 1.5, True, None])
def test_what_is_no_number_of_steps_is_not_settled(ledger: Ledger, steps: object) -> None:
    reservation = ledger.reserve(data("liver"), plan(300), run="r1")
    with pytest.raises(BadInput, match="no number of steps"):
        reservation.settle(steps)  # type: ignore[arg-type]
    assert steps_of(ledger) == {"r1": 300}


def test_one_run_may_be_charged_on_several_data_sets(ledger: Ledger) -> None:
    for name, slices in (("a", "abc"), ("b", "xyz")):
        ledger.reserve(data(name, slices), plan(10), run="federated")
    assert [account.runs for account in ledger.accounts()] == [1, 1]


def test_data_are_known_again_under_another_name(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve(data("liver"), plan(100), run="r1")
    ledger.reserve(data("copy of liver"), plan(100), run="r2")
    (account,) = ledger.accounts()
    assert account.names == ("liver", "copy of liver")
    assert account.fingerprints == (data("liver").fingerprint,)
    assert (account.runs, account.slices) == (2, 4)
    # The slices stand in the file once.
    assert [line["slices"] for line in lines(tmp_path) if line["kind"] == "data"] == [
        ["a", "b", "c", "d"],
        [],
    ]


@pytest.mark.parametrize("other", ["ab", "abcdefgh", "dxyz"], ids=["subset", "superset", "overlap"])
def test_data_that_share_a_slice_share_an_account(ledger: Ledger, other: str) -> None:
    ledger.reserve(data("liver"), plan(100), run="r1")
    alone = ledger.account("liver").epsilon
    ledger.reserve(data("part", other), plan(100), run="r2")
    (account,) = ledger.accounts()
    assert account.slices == len(set("abcd" + other))
    assert account.epsilon > 1.3 * alone
    assert ledger.account("part") == account


def test_data_met_later_can_join_two_accounts(ledger: Ledger) -> None:
    ledger.reserve(data("left", "abc"), plan(100), run="r1")
    ledger.reserve(data("right", "xyz"), plan(100), run="r2")
    assert [account.runs for account in ledger.accounts()] == [1, 1]
    ledger.reserve(data("both", "cx"), plan(100), run="r3")
    (account,) = ledger.accounts()
    assert account.runs == 3
    assert account.epsilon == pytest.approx(gaussian_epsilon(8, 300, 1e-4), rel=1e-6)


def test_one_name_for_two_contents_is_two_accounts_and_has_to_be_made_clear(
    ledger: Ledger,
) -> None:
    first, second = data("liver", "abcd"), data("liver", "xyz")
    assert ledger.reserve(first, plan(100), run="r1").notice == ""
    notice = ledger.reserve(second, plan(200), run="r2").notice
    assert f"shares no slice with this one: {first.fingerprint[:8]} (4 slices" in notice
    with pytest.raises(BadInput) as refused:
        ledger.account("liver")
    for part in (
        "2 data sets with different slices are called 'liver'",
        f"{first.fingerprint[:8]} (4 slices of 4 patients)",
        f"{second.fingerprint[:8]} (3 slices of 3 patients)",
        "use the fingerprint",
    ):
        assert part in refused.value.message
    assert steps_of(ledger, second.fingerprint[:6]) == {"r2": 200}
    assert steps_of(ledger, first.fingerprint[:6]) == {"r1": 100}


def test_one_name_for_linked_contents_is_clear(ledger: Ledger) -> None:
    ledger.reserve(data("liver", "abcd"), plan(100), run="r1")
    ledger.reserve(data("liver", "dxyz"), plan(100), run="r2")
    assert ledger.account("liver").runs == 2


@pytest.mark.parametrize("which", ["lung", "abc", ""])
def test_data_that_the_ledger_does_not_know_are_named_beside_those_it_knows(
    ledger: Ledger, which: str
) -> None:
    with pytest.raises(BadInput, match="nothing has been charged yet"):
        ledger.account(which)
    ledger.reserve(data("liver"), plan(100), run="r1")
    with pytest.raises(BadInput, match="it knows liver"):
        ledger.account(which)


def test_a_run_without_protection_is_charged_as_infinite_and_listed_apart(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.reserve(data("liver"), plan(100), run="r1")
    ledger.reserve(data("liver"), plan(100, unprotected="seeded noise"), run="r2")
    bare = Planned(noise_multiplier=0, sample_rate=0.5, steps=9, delta=0, unprotected="no privacy")
    ledger.reserve(data("liver"), bare, run="r3")
    account = ledger.account("liver")
    assert account.epsilon == pytest.approx(gaussian_epsilon(8, 100, 1e-4), rel=1e-6)
    assert account.epsilon_if_all_seen == math.inf
    assert (account.runs, account.unprotected, account.delta) == (3, 2, 1e-4)
    assert [point.alone for point in ledger.history("liver")][1:] == [math.inf, math.inf]
    assert [
        (line["protected"], line["why"], line.get("epsilon"))
        for line in lines(tmp_path)
        if line["kind"] == "reserve"
    ] == [(True, "", None), (False, "seeded noise", "inf"), (False, "no privacy", "inf")]


def test_a_run_without_noise_is_unprotected_without_being_told(ledger: Ledger) -> None:
    ledger.reserve(data("liver"), plan(100, noise_multiplier=0), run="r1")
    assert ledger.history("liver")[0].charge.planned.why == "no noise"
    assert ledger.account("liver").unprotected == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"noise_multiplier": -1.0}, "noise_multiplier"),
        ({"noise_multiplier": math.nan}, "noise_multiplier"),
        ({"noise_multiplier": math.inf}, "noise_multiplier"),
        ({"sample_rate": 0.0}, "sample_rate"),
        ({"sample_rate": 1.1}, "sample_rate"),
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.0}, "delta"),
        ({"unit": "voxel"}, "unit"),
    ],
)
def test_a_plan_with_a_value_out_of_range_is_refused(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        plan(**{"steps": 100, **wrong})  # type: ignore[arg-type]
    assert refused.value.field == field


def test_data_without_content_are_refused() -> None:
    for wrong in ({"slices": ()}, {"patients": 0}, {"largest_patient": 0}, {"fingerprint": "ab"}):
        good = {"fingerprint": "abcdef", "slices": ("a",), "patients": 1, "largest_patient": 1}
        with pytest.raises(BadInput):
            Identity("x", **{**good, **wrong})  # type: ignore[arg-type]


def test_threads_may_share_a_ledger(ledger: Ledger, tmp_path: Path) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            ledger.reserve(data("liver"), plan(100), run=f"r{number}-{turn}").settle(turn)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert steps_of(ledger) == {f"r{n}-{turn}": turn for n in range(4) for turn in range(5)}
    assert ledger.verify().lines == 41
    assert steps_of(Ledger(tmp_path)) == steps_of(ledger)


def test_writing_down_a_charge_needs_no_accountant(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from workbench.accounting.ledger.ledger import Identity, Ledger, Planned;"
        "p = Planned(noise_multiplier=1, sample_rate=.1, steps=9, delta=1e-5);"
        f"r = Ledger(Path({str(tmp_path)!r})).reserve(Identity('a', 'abcdef', ('s',), 1, 1), p,"
        "run='r'); assert r.within(9); r.settle(9);"
        "print({'torch', 'scipy', 'dp_accounting'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be made"):
        Ledger(tmp_path / "file").reserve(data("liver"), plan(), run="r1")
