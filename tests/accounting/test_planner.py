"""Four quantities fixed, the fifth found: it reproduces epsilon, and never exceeds it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.accounting.composition import FINE
from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.planner import MOST_STEPS, QUANTITIES, Plan, Wish
from workbench.accounting.planner_map import epsilon_map
from workbench.accounting.planner_search import Span, furthest_safe
from workbench.accounting.planner_solve import NotWanted, most_units, rounded, solve
from workbench.accounting.pld import epsilon_for_drawing, epsilon_spent
from workbench.errors import BadInput

FIXED: dict[str, Any] = {
    "target_epsilon": 3.0,
    "noise_multiplier": 1.2,
    "expected_batch": 10.0,
    "steps": 300,
    "units": 200,
    "delta": 1e-3,
}
FOUND = QUANTITIES[1:]


def wish(unknown: str, **other: Any) -> Wish:
    return Wish(**{**FIXED, **other, unknown: None})


def reported(plan: Plan, **other: Any) -> float:
    """Epsilon as a training with these numbers would report it."""
    values = {name: other.get(name, getattr(plan, name)) for name in QUANTITIES}
    return epsilon_spent(
        noise_multiplier=values["noise_multiplier"],
        sample_rate=values["expected_batch"] / values["units"],
        steps=values["steps"],
        delta=plan.delta,
    )


@pytest.mark.slow
@given(
    noise=st.floats(0.6, 5),
    batch=st.integers(2, 100),
    steps=st.integers(20, 2000),
    unknown=st.sampled_from(FOUND),
)
@settings(max_examples=6, deadline=None)
def test_what_is_found_at_once_gives_the_quantity_back_that_made_the_epsilon(
    noise: float, batch: int, steps: int, unknown: str
) -> None:
    made = {
        "noise_multiplier": noise, "expected_batch": batch, "steps": steps, "units": 400,
    }  # fmt: skip
    spent = solve(Wish(**made, delta=1e-3), exact=False)  # type: ignore[arg-type]
    fixed = {**made, "target_epsilon": spent.target_epsilon, unknown: None}
    found = solve(Wish(**fixed, delta=1e-3), exact=False)  # type: ignore[arg-type]
    if not found.limit:
        assert found.value == pytest.approx(made[unknown], rel=1e-2, abs=1)
    fine = epsilon_for_drawing(
        noise_multiplier=found.noise_multiplier,
        sample_rate=found.sample_rate,
        steps=found.steps,
        delta=1e-3,
        grid=FINE,
    )
    assert fine <= found.epsilon <= spent.target_epsilon


@pytest.mark.parametrize("unknown", FOUND)
def test_exactly_solved_it_spends_no_more_than_the_target_and_hardly_less(unknown: str) -> None:
    plan = solve(wish(unknown))
    assert plan.found == unknown
    assert plan.epsilon == reported(plan) <= 3.0
    assert plan.epsilon == pytest.approx(3.0, rel=5e-3)
    quick = solve(wish(unknown), exact=False)
    assert quick.value == pytest.approx(plan.value, rel=1e-2)


def test_one_more_step_or_one_patient_fewer_would_exceed_it() -> None:
    most = solve(wish("steps", steps=None))
    assert reported(most, steps=most.steps + 1) > 3.0
    fewest = solve(wish("units"))
    assert reported(fewest, units=fewest.units - 1) > 3.0


def test_a_little_less_noise_or_a_little_larger_a_batch_would_exceed_it() -> None:
    noise = solve(wish("noise_multiplier"))
    assert reported(noise, noise_multiplier=noise.noise_multiplier * 0.998) > 3.0
    batch = solve(wish("expected_batch"))
    assert reported(batch, expected_batch=batch.expected_batch * 1.002) > 3.0


def test_more_epsilon_allows_more_of_everything_that_costs_privacy() -> None:
    plans = {
        name: [solve(wish(name, target_epsilon=epsilon), exact=False).value for epsilon in (1, 2)]
        for name in FOUND
    }
    for name in ("steps", "expected_batch"):
        assert plans[name][0] < plans[name][1]
    for name in ("noise_multiplier", "units"):
        assert plans[name][0] > plans[name][1]


def test_without_sampling_it_is_the_closed_form() -> None:
    plan = solve(wish("steps", noise_multiplier=8.0, expected_batch=200.0))
    assert plan.sample_rate == 1
    assert gaussian_epsilon(8.0, plan.steps, 1e-3) <= 3.0
    assert gaussian_epsilon(8.0, plan.steps + 1, 1e-3) > 3.0


def test_epsilon_is_found_with_its_guarantee_rounded_up() -> None:
    plan = solve(wish("target_epsilon", unit="slice"))
    assert plan.epsilon == reported(plan)
    assert plan.epsilon <= plan.target_epsilon <= plan.epsilon * 1.001
    words = str(plan.guarantee)
    for said in ("per slice", "add or remove one", "Poisson q = 0.05", "PLD"):
        assert said in words


@pytest.mark.parametrize(
    ("unknown", "other", "value", "words"),
    [
        ("expected_batch", {"noise_multiplier": 100.0}, 200, "All 200 patients may take part"),
        ("units", {"noise_multiplier": 100.0}, 10, "cannot come from fewer"),
        ("steps", {"noise_multiplier": 50_000.0}, MOST_STEPS, "stay within it"),
    ],
)
def test_where_something_else_sets_the_limit_it_says_so(
    unknown: str, other: dict[str, Any], value: float, words: str
) -> None:
    plan = solve(wish(unknown, **other), exact=False)
    assert plan.value == value
    assert words in plan.limit
    assert plan.epsilon < 3.0


@pytest.mark.parametrize(
    ("unknown", "other", "words"),
    [
        ("steps", {"noise_multiplier": 0.05}, "Even one step spends epsilon"),
        ("expected_batch", {"noise_multiplier": 0.1}, "Even an expected batch of 1 spends"),
        ("units", {"noise_multiplier": 0.2}, "Even 999 patients, the most that delta 0.001"),
    ],
)
def test_a_target_out_of_reach_is_one_sentence_with_what_the_utmost_would_spend(
    unknown: str, other: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        solve(wish(unknown, **other), exact=False)
    assert refused.value.field == "target_epsilon"


@pytest.mark.parametrize(
    ("unknown", "other", "field", "words"),
    [
        ("steps", {"expected_batch": 201.0}, "expected_batch", "cannot draw 201 of 200 patients"),
        ("steps", {"delta": 0.005}, "delta", "below 1 / 200 patients = 0.005"),
        ("units", {"delta": 0.2}, "delta", "below 1 / 10 patients"),
        ("steps", {"noise_multiplier": 0.0}, "noise_multiplier", "above 0"),
        ("units", {"target_epsilon": math.nan}, "target_epsilon", "not nan"),
        ("units", {"steps": 2.5}, "steps", "whole number, not 2.5"),
        ("units", {"units": None, "steps": None}, "solve_for", "3 are given"),
        ("units", {"unit": "scan"}, "unit", "patient or slice"),
    ],
)
def test_contradictions_name_the_field_to_change(
    unknown: str, other: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        wish(unknown, **other)
    assert refused.value.field == field


def test_five_given_leave_nothing_to_find() -> None:
    with pytest.raises(BadInput, match="5 are given"):
        Wish(**FIXED)


def test_nobody_waits_for_what_is_not_wanted() -> None:
    with pytest.raises(NotWanted):
        solve(wish("steps"), wanted=lambda: False)
    with pytest.raises(NotWanted):
        epsilon_map(solve(wish("target_epsilon"), exact=False), wanted=lambda: False)


@given(
    edge=st.integers(0, 10**6),
    most=st.integers(1, 10**6),
    guess=st.floats(1e-3, 1e9),
    power=st.floats(0.3, 3),
    tolerance=st.sampled_from([1e-9, 1e-2]),
)
@settings(max_examples=200, deadline=None)
def test_the_search_ends_at_the_last_safe_number_or_close_before_it(
    edge: int, most: int, guess: float, power: float, tolerance: float
) -> None:
    span = Span(1, most, True, tolerance)
    found = furthest_safe(lambda n: power * math.log(n / (edge + 0.5)), span, guess)
    if edge < 1:
        assert found is None
    else:
        assert found is not None
        best = min(edge, most)
        assert best * math.exp(-tolerance) - 1e-6 <= found <= best or found == best


@given(least=st.integers(1, 1000), width=st.integers(0, 10**5), edge=st.integers(1, 10**5))
@settings(max_examples=100, deadline=None)
def test_the_search_goes_downwards_as_well(least: int, width: int, edge: int) -> None:
    span = Span(least + width, least, True, 1e-9)
    found = furthest_safe(lambda n: math.log((edge - 0.5) / n), span, 50.0)
    assert found == (max(edge, least) if edge <= least + width else None)


@given(value=st.floats(1e-9, 1e12))
def test_rounding_keeps_four_digits_on_the_side_asked_for(value: float) -> None:
    up, down = rounded(value, up=True), rounded(value, up=False)
    assert value * (1 - 1e-12) <= up <= value * 1.0011
    assert value * 0.9989 <= down <= value * (1 + 1e-12)
    assert rounded(up, up=True) == up == float(f"{up:.4g}")


@given(delta=st.floats(1e-7, 0.4))
def test_the_most_units_are_the_most_for_which_delta_is_small_enough(delta: float) -> None:
    most = most_units(delta)
    assert delta < 1 / most
    assert delta >= 1 / (most + 1)


def test_the_map_surrounds_the_plan_with_epsilons_that_fall_with_noise_and_rise_with_steps() -> (
    None
):
    plan = solve(wish("target_epsilon"), exact=False)
    surface = epsilon_map(plan)
    assert surface.epsilons.shape == (len(surface.noises), len(surface.steps))
    assert surface.steps[0] < plan.steps < surface.steps[-1]
    assert surface.noises[0] < plan.noise_multiplier < surface.noises[-1]
    assert (surface.epsilons[:-1] > surface.epsilons[1:]).all()
    assert (surface.epsilons[:, :-1] < surface.epsilons[:, 1:]).all()
    at = reported(plan, noise_multiplier=float(surface.noises[4]), steps=int(surface.steps[3]))
    assert surface.epsilons[4, 3] == pytest.approx(at, rel=1e-3)
