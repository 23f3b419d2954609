"""One decision from many tests: rarely wrong, and worded with what it is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from audited import claim_of, drawn
from hypothesis import given
from hypothesis import strategies as st

from workbench.auditing.estimators.per_step import moments_of
from workbench.auditing.estimators.per_step import p_value as distance_p_value
from workbench.auditing.finding import Finding
from workbench.auditing.power import (
    BY_CANARIES,
    FIVE_PERCENT,
    of_distance,
    of_inclusions,
    of_variance,
    power_of,
)
from workbench.auditing.verdict import (
    FALSIFIED,
    MOST_TESTS,
    NOTHING_FOUND,
    certain,
    chance_in_words,
    judge,
    refuted,
)

POWER = {FIVE_PERCENT: 0.944, BY_CANARIES: 0.003}


def found(test: str, p_value: float) -> Finding:
    return Finding(
        test=test, room="noise", p_value=p_value, says=f"{test} says so.", measured=1, expected=1
    )


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=MOST_TESTS)


@given(P_VALUES)
def test_holm_finds_at_least_what_bonferroni_finds_and_not_what_no_test_finds(
    p_values: list[float],
) -> None:
    level = 0.05
    fallen = set(refuted(p_values, level))
    assert {n for n, p in enumerate(p_values) if p <= level / len(p_values)} <= fallen
    assert all(p_values[n] <= level for n in fallen)


@given(P_VALUES, st.floats(1e-9, 1e-3))
def test_what_is_certain_before_the_end_stays_so(p_values: list[float], level: float) -> None:
    fallen = refuted(p_values, level)
    assert {n for n, p in enumerate(p_values) if certain(p, level)} <= set(fallen)


def test_holm_steps_down() -> None:
    # 0.01 <= 0.04 / 4, 0.013 <= 0.04 / 3, 0.02 <= 0.04 / 2, but 0.05 > 0.04.
    assert refuted([0.05, 0.013, 0.01, 0.02], 0.04) == [2, 1, 3]
    assert refuted([0.05, 0.014, 0.01, 0.02], 0.04) == [2]
    assert refuted([1.0, 1.0], 0.04) == []


def test_correct_trainings_are_hardly_ever_called_broken() -> None:
    rng = np.random.default_rng(0)
    alarms = sum(bool(refuted(rng.random(30).tolist(), 0.05)) for _ in range(4000))
    # Of 4,000 at most 5 % but for three standard deviations.
    assert alarms / 4000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_the_verdict_names_what_caught_it_the_surest_first() -> None:
    verdict = judge(
        [found("a", 0.5), found("b", 1e-9), found("c", 0.0), found("d", 1.0)], 1e-4, POWER
    )
    assert verdict.words == FALSIFIED
    assert verdict.caught_by == ("c", "b")
    assert verdict.says == "claim falsified by c: c says so."


def test_where_nothing_is_found_the_verdict_says_what_would_have_been() -> None:
    verdict = judge([found("a", 0.5), found("b", 0.01)], 1e-4, POWER)
    assert verdict.words == NOTHING_FOUND
    assert verdict.caught_by == ()
    assert verdict.says == (
        "no violation found; this test would have noticed 5 % too little noise with probability "
        "0.94 (by its canaries alone: below 0.01)"
    )


def test_an_accepted_outcome_is_told_and_does_not_decide() -> None:
    findings = [found("a", 0.0), found("b", 0.0)]
    verdict = judge(findings, 1e-4, POWER, accepted=("a", "b"))
    assert (verdict.words, verdict.accepted) == (NOTHING_FOUND, ("a", "b"))
    assert "no violation found besides a, b (accepted); " in verdict.says
    assert judge(findings, 1e-4, POWER, accepted=("a",)).caught_by == ("b",)


def test_chances_are_never_certainties() -> None:
    assert [chance_in_words(p) for p in (1.0, 0.991, 0.5, 0.004, 0.0)] == [
        "above 0.99", "above 0.99", "0.50", "below 0.01", "below 0.01",
    ]  # fmt: skip


def test_the_power_of_nulls_is_that_of_trials() -> None:
    rng = np.random.default_rng(1)
    values, deficit, level = 2000, 0.05, 1e-3
    trials = np.array(
        [np.square(rng.standard_normal(values) * (1 - deficit)).sum() for _ in range(2000)]
    )
    from scipy.stats import chi2

    caught = float((chi2(values).cdf(trials) <= level).mean())
    assert of_variance(deficit, values, level) == pytest.approx(caught, abs=0.04)
    assert of_variance(0.0, values, level) == pytest.approx(level, rel=1e-6)


def test_the_power_of_canaries_is_that_of_the_ladders_own_test() -> None:
    claim, level, trials = claim_of(steps=100), 0.05, 300
    caught = 0
    for seed in range(trials):
        told = drawn(seed, canaries=600, nulls=400, steps=100, noise=0.93)
        moments = moments_of(told.signals, told.included)
        caught += distance_p_value(moments, claim, 100) <= level
    power = of_distance(0.07, claim, 600, 400, level)
    assert 0.3 < power < 0.95
    assert caught / trials == pytest.approx(power, abs=3.5 * math.sqrt(0.25 / trials))


def test_the_power_of_the_sampler_grows_with_the_excess() -> None:
    claim = claim_of()
    powers = [of_inclusions(excess, claim, 1000, 1e-4) for excess in (0.0, 0.02, 0.05, 0.1, 0.5)]
    assert powers == sorted(powers)
    assert powers[0] <= 1e-4
    assert powers[-1] > 0.999


def test_more_canaries_notice_more() -> None:
    sizes = [{"canaries": 500, "nulls": 500}, {"canaries": 8000, "nulls": 10_000}]
    small, large = (power_of(claim_of(), units=1000, level=1e-6, **size) for size in sizes)
    assert all(small[name] <= large[name] for name in small)
    assert large[BY_CANARIES] > 0.99
    assert of_distance(0.05, claim_of(rate=0.001, steps=1), 16, 100, 0.1) == 0.1
