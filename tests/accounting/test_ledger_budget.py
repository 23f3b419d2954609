"""Totals are composed per patient, and a budget stops or warns."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant
from ledger_cases import data, lines, plan

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.totals import FINE, GRID, total
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import epsilon_spent, noise_for
from workbench.errors import BadInput

ONE = gaussian_epsilon(8, 100, 1e-4)
TWO = gaussian_epsilon(8, 200, 1e-4)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_runs_of_all_kinds_are_composed_as_dp_accountings_pld_does(ledger: Ledger) -> None:
    settings = [(1.0, 0.05, 200), (2.0, 0.2, 100), (4.0, 1.0, 50), (1.0, 0.05, 100)]
    reference = PLDAccountant()
    for number, (noise, rate, steps) in enumerate(settings):
        planned = plan(steps, noise_multiplier=noise, sample_rate=rate, delta=1e-5)
        ledger.reserve(data("liver"), planned, run=f"r{number}")
        event = dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(noise))
        reference.compose(dp_event.SelfComposedDpEvent(event, steps))
    expected = reference.get_epsilon(1e-5)
    epsilon = ledger.account("liver").epsilon
    assert expected - 1e-3 < epsilon < 1.01 * expected
    alone = [point.alone for point in ledger.history("liver")]
    assert max(alone) < epsilon < sum(alone)


def test_the_total_is_told_at_the_budgets_delta_or_the_smallest_of_the_runs(
    ledger: Ledger,
) -> None:
    ledger.reserve(data("liver"), plan(100, delta=1e-3), run="r1")
    ledger.reserve(data("liver"), plan(100, delta=1e-5), run="r2")
    account = ledger.account("liver")
    assert account.delta == 1e-5
    assert account.epsilon == pytest.approx(gaussian_epsilon(8, 200, 1e-5), rel=1e-6)
    account = ledger.set_budget("liver", epsilon=20, delta=1e-6)
    assert account.delta == 1e-6
    assert account.epsilon == pytest.approx(gaussian_epsilon(8, 200, 1e-6), rel=1e-6)
    assert account.left == pytest.approx(20 - account.epsilon)


def test_slices_as_the_unit_count_for_the_patient_with_most(ledger: Ledger) -> None:
    planned = plan(100, noise_multiplier=40.0, unit="slice")
    ledger.reserve(data("liver", largest=5), planned, run="r1")
    # Sensitivity 5 instead of 1, so as with a fifth of the noise.
    assert ledger.account("liver").epsilon == pytest.approx(ONE, rel=1e-6)


def test_slices_as_the_unit_count_for_the_largest_patient_that_was_ever_met(
    ledger: Ledger,
) -> None:
    planned = plan(100, noise_multiplier=40.0, unit="slice")
    ledger.reserve(data("liver", largest=1), planned, run="r1")
    small = ledger.account("liver").epsilon
    ledger.reserve(data("liver", largest=5), plan(1, noise_multiplier=1e6), run="r2")
    assert ledger.account("liver").epsilon > 5 * small


def test_patients_and_slices_add_up(ledger: Ledger) -> None:
    sliced = plan(100, noise_multiplier=16.0, unit="slice")
    ledger.reserve(data("liver", largest=2), sliced, run="r1")
    ledger.reserve(data("liver", largest=2), plan(100), run="r2")
    assert ledger.account("liver").epsilon == pytest.approx(TWO, rel=1e-6)


def test_the_history_ends_at_the_total_and_never_falls(ledger: Ledger) -> None:
    for number in range(4):
        ledger.reserve(data("liver"), plan(50 * (number + 1)), run=f"r{number}").settle(50)
    points = ledger.history("liver")
    assert [point.run for point in points] == ["r0", "r1", "r2", "r3"]
    assert [point.epsilon for point in points] == pytest.approx(
        [gaussian_epsilon(8, 50 * n, 1e-4) for n in range(1, 5)], rel=1e-6
    )
    assert points[-1].epsilon == ledger.account("liver").epsilon
    assert [point.at for point in points] == sorted(point.at for point in points)


def test_a_run_that_would_exceed_the_budget_does_not_start(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve(data("liver"), plan(100), run="r1")
    ledger.set_budget("liver", epsilon=TWO - 0.01, delta=1e-4)
    before = lines(tmp_path)
    with pytest.raises(BadInput) as refused:
        ledger.reserve(data("copy"), plan(100), run="r2")
    assert refused.value.field == "steps"
    assert lines(tmp_path) == before
    for part in (
        f"budget of epsilon {TWO - 0.01:g} at delta 0.0001",
        f"{math.ceil(ONE * 100) / 100:.2f} is spent",
        f"would add {math.ceil((TWO - ONE) * 100) / 100:.2f}",
        "at most 99 of its steps fit",
    ):
        assert part in refused.value.message
    assert ledger.reserve(data("copy"), plan(99), run="r2").warning == ""


def test_the_steps_said_to_fit_do_fit_and_with_sampling_not_many_more(ledger: Ledger) -> None:
    planned = plan(400, noise_multiplier=1.0, sample_rate=0.05, delta=1e-5)
    ledger.reserve(data("liver"), planned, run="r1").settle(200)
    ledger.set_budget("liver", epsilon=6, delta=1e-5)
    room = ledger.would_cost("liver", planned).room
    assert room is not None
    assert 0 < room < 400

    def spent(steps: int) -> float:
        return epsilon_spent(noise_multiplier=1, sample_rate=0.05, steps=steps, delta=1e-5)

    assert spent(200 + room) <= 6 < spent(200 + room + 3)


def test_a_run_calibrated_to_the_whole_budget_may_start(ledger: Ledger) -> None:
    noise = noise_for(target_epsilon=3, sample_rate=0.05, steps=400, delta=1e-5)
    identity = data("liver")
    ledger.set_budget(identity, epsilon=3, delta=1e-5)
    planned = plan(400, noise_multiplier=noise, sample_rate=0.05, delta=1e-5)
    assert ledger.reserve(identity, planned, run="r1").within(400)
    with pytest.raises(BadInput, match="not one step|nothing fits|at most"):
        ledger.reserve(identity, planned, run="r2")


def test_the_fine_grid_decides_where_the_wider_one_is_a_hair_too_high() -> None:
    mechanism = Mechanism(noise_multiplier=0.8, sample_rate=0.01, steps=2000)
    fine, wide = (total([mechanism], 1e-6, grid=grid) for grid in (FINE, GRID))
    assert fine < wide
    assert Budget(epsilon=(fine + wide) / 2, delta=1e-6).covers([mechanism])
    assert not Budget(epsilon=0.999 * fine, delta=1e-6).covers([mechanism])


def test_what_was_not_taken_is_free_again(ledger: Ledger) -> None:
    ledger.set_budget(data("liver"), epsilon=ONE + 0.1, delta=1e-4)
    first = ledger.reserve(data("liver"), plan(100), run="r1")
    with pytest.raises(BadInput, match="has a budget"):
        ledger.reserve(data("liver"), plan(50), run="r2")
    first.settle(40)
    ledger.reserve(data("liver"), plan(50), run="r2")


def test_a_resumed_run_is_not_held_against_itself(ledger: Ledger) -> None:
    ledger.set_budget(data("liver"), epsilon=ONE + 0.1, delta=1e-4)
    ledger.reserve(data("liver"), plan(100), run="r1")
    ledger.reserve(data("liver"), plan(100), run="r1").settle(100)
    with pytest.raises(BadInput, match="has a budget"):
        ledger.reserve(data("liver"), plan(200), run="r1")


def test_a_budget_that_warns_lets_the_run_start_and_says_so(ledger: Ledger) -> None:
    ledger.set_budget(data("liver"), epsilon=1, delta=1e-4, policy="warn")
    reservation = ledger.reserve(data("liver"), plan(100), run="r1")
    assert "has a budget of epsilon 1 at delta 0.0001" in reservation.warning
    assert reservation.within(100)
    assert ledger.account("liver").left == pytest.approx(1 - ONE, abs=1e-3)


def test_a_run_without_protection_does_not_start_where_a_budget_stops_runs(
    ledger: Ledger, tmp_path: Path
) -> None:
    bare = plan(10, unprotected="no privacy")
    ledger.set_budget(data("liver"), epsilon=8, delta=1e-4)
    before = lines(tmp_path)
    with pytest.raises(BadInput, match=r"protects nobody \(no privacy\)"):
        ledger.reserve(data("liver"), bare, run="r1")
    assert lines(tmp_path) == before
    ledger.set_budget("liver", epsilon=8, delta=1e-4, policy="warn")
    assert "protects nobody" in ledger.reserve(data("liver"), bare, run="r1").warning


def test_a_later_budget_replaces_the_earlier_one(ledger: Ledger) -> None:
    ledger.set_budget(data("liver"), epsilon=1, delta=1e-4)
    with pytest.raises(BadInput, match="has a budget"):
        ledger.reserve(data("liver"), plan(100), run="r1")
    ledger.set_budget("liver", epsilon=8, delta=1e-4)
    ledger.reserve(data("liver"), plan(100), run="r1")
    assert ledger.account("liver").budget == Budget(epsilon=8.0, delta=1e-4)


def test_a_budget_may_be_set_below_what_is_spent_and_says_so(ledger: Ledger) -> None:
    ledger.reserve(data("liver"), plan(100), run="r1").settle(100)
    account = ledger.set_budget("liver", epsilon=2, delta=1e-4)
    assert account.left == pytest.approx(2 - ONE, rel=1e-6)
    with pytest.raises(BadInput, match="nothing fits any more"):
        ledger.reserve(data("liver"), plan(1), run="r2")


def test_a_budget_holds_for_all_data_that_are_linked(ledger: Ledger) -> None:
    ledger.set_budget(data("liver", "abcd"), epsilon=ONE + 0.1, delta=1e-4)
    ledger.reserve(data("half", "ab"), plan(100), run="r1")
    with pytest.raises(BadInput, match="has a budget"):
        ledger.reserve(data("other half", "cd"), plan(100), run="r2")
    ledger.reserve(data("lung", "xyz"), plan(100), run="r3")


def test_where_two_accounts_with_budgets_are_joined_both_hold(ledger: Ledger) -> None:
    ledger.set_budget(data("left", "abc"), epsilon=20, delta=1e-4)
    ledger.set_budget(data("right", "xyz"), epsilon=2, delta=1e-4)
    with pytest.raises(BadInput, match="has a budget of epsilon 2"):
        ledger.reserve(data("both", "cx"), plan(100), run="r1")
    ledger.reserve(data("both", "cx"), plan(1), run="r1")
    account = ledger.account("both")
    assert account.budget is not None
    assert account.budget.epsilon == 2
    # One word replaces both.
    ledger.set_budget("both", epsilon=15, delta=1e-4)
    ledger.reserve(data("both", "cx"), plan(100), run="r2")


def test_a_running_run_stops_once_the_budget_is_lowered_by_another_process(
    ledger: Ledger, tmp_path: Path
) -> None:
    reservation = ledger.reserve(data("liver"), plan(100), run="r1")
    assert reservation.within(100)
    other = Ledger(tmp_path)
    other.set_budget("liver", epsilon=gaussian_epsilon(8, 60, 1e-4) + 1e-6, delta=1e-4)
    assert reservation.within(60)
    assert not reservation.within(61)
    assert "allows this run 60 of its 100 steps" in reservation.stopped
    other.set_budget("liver", epsilon=8, delta=1e-4)
    assert reservation.within(100)
    other.set_budget("liver", epsilon=0.1, delta=1e-4, policy="warn")
    assert reservation.within(100)


def test_other_runs_that_are_still_open_count_in_full_for_a_running_one(
    ledger: Ledger, tmp_path: Path
) -> None:
    reservation = ledger.reserve(data("liver"), plan(100), run="r1")
    other = Ledger(tmp_path).reserve(data("liver"), plan(100), run="r2")
    ledger.set_budget("liver", epsilon=TWO - 0.5, delta=1e-4)
    assert not reservation.within(100)
    other.settle(0)
    assert reservation.within(100)


def test_asking_a_running_run_reads_nothing_while_nobody_has_written(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reservation = ledger.reserve(data("liver"), plan(100), run="r1")
    asked: list[str] = []
    room = Ledger.room
    monkeypatch.setattr(
        Ledger, "room", lambda self, run, mark: (asked.append(run), room(self, run, mark))[1]
    )
    assert all(reservation.within(step) for step in range(1, 101))
    assert asked == ["r1"]
    Ledger(tmp_path).reserve(data("lung", "xyz"), plan(100), run="r2")
    assert reservation.within(100)
    assert asked == ["r1", "r1"]


def test_what_a_planned_run_would_cost_is_told_and_not_charged(
    ledger: Ledger, tmp_path: Path
) -> None:
    unknown = ledger.would_cost(data("liver"), plan(100))
    assert (unknown.before, unknown.budget, unknown.room) == (0, None, None)
    assert unknown.after == pytest.approx(ONE, rel=1e-6)
    assert list(tmp_path.iterdir()) == []
    ledger.reserve(data("liver"), plan(100), run="r1")
    ledger.set_budget("liver", epsilon=TWO - 0.01, delta=1e-4)
    before = lines(tmp_path)
    for which in ("liver", data("liver"), data("part of it", "ab")):
        outlook = ledger.would_cost(which, plan(100))
        assert outlook.before == pytest.approx(ONE, rel=1e-6)
        assert outlook.after == pytest.approx(TWO, rel=1e-6)
        assert outlook.room == 99
    assert ledger.would_cost("liver", plan(100, unprotected="no privacy")).after == math.inf
    assert lines(tmp_path) == before


@pytest.mark.parametrize(
    ("epsilon", "delta", "policy", "field"),
    [
        (0, 1e-5, "stop", "epsilon"),
        (-1, 1e-5, "stop", "epsilon"),
        (math.inf, 1e-5, "stop", "epsilon"),
        (math.nan, 1e-5, "stop", "epsilon"),
        (1, 0, "stop", "delta"),
        (1, 1, "stop", "delta"),
        (1, math.nan, "stop", "delta"),
        (1, 1e-5, "shout", "policy"),
    ],
)
def test_a_budget_out_of_range_is_refused(
    ledger: Ledger, tmp_path: Path, epsilon: float, delta: float, policy: str, field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        ledger.set_budget(data("liver"), epsilon=epsilon, delta=delta, policy=policy)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []
