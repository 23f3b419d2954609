"""Bounds from error counts against bisection on exact binomial sums, and the stored values."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import binomial, findroot, log, mp, mpf, polyval, workdps
from scipy.stats import beta, norm

from workbench.auditing.estimators.clopper_pearson import (
    Errors,
    epsilon_bound,
    p_value,
    upper_rate,
)
from workbench.auditing.estimators.gaussian import epsilon_of, mu_bound
from workbench.errors import BadInput

STORED = Errors(false_alarms=155, outsiders=500, misses=155, members=500)


def exact_upper(errors: int, trials: int, level: float) -> float:
    """The rate at which ``errors`` or fewer have probability ``level``, by bisection."""
    ways = [binomial(trials, k) for k in range(errors + 1)]
    low, high = mpf(0), mpf(1)
    for _ in range(45):
        rate = (low + high) / 2
        odds = rate / (1 - rate)
        chance = (1 - rate) ** trials * polyval(ways[::-1], odds)
        low, high = (rate, high) if chance > level else (low, rate)
    return float(low)


@pytest.mark.parametrize(
    ("errors", "trials", "level"),
    [(155, 500, 0.025), (0, 100, 0.05), (7, 40, 1e-6), (39, 40, 0.3), (3, 2000, 1e-3)],
)
def test_the_bound_on_a_rate_is_exact(errors: int, trials: int, level: float) -> None:
    assert upper_rate(errors, trials, level) == pytest.approx(
        exact_upper(errors, trials, level), abs=1e-11
    )


def test_all_wrong_bounds_nothing() -> None:
    assert upper_rate(5, 5, 0.05) == 1.0


def test_stored_values() -> None:
    assert upper_rate(155, 500, 0.025) == pytest.approx(0.3526, abs=5e-5)
    assert epsilon_bound(STORED, 1e-5, 0.05) == pytest.approx(0.6077, abs=5e-5)
    assert mu_bound(STORED, 0.05) == pytest.approx(0.7568, abs=5e-5)
    assert epsilon_of(mu_bound(STORED, 0.05), 1e-5) == pytest.approx(3.179, abs=5e-4)


@pytest.mark.parametrize(("trials", "cap"), [(500, 4.9), (1000, 5.6), (10_000, 7.9)])
def test_without_an_error_the_number_of_trials_is_the_limit(trials: int, cap: float) -> None:
    flawless = Errors(false_alarms=0, outsiders=trials, misses=0, members=trials)
    assert epsilon_bound(flawless, 1e-5, 0.05) == pytest.approx(cap, abs=0.05)


@pytest.mark.parametrize(
    ("false_alarms", "misses"), [(3, 220), (40, 100), (220, 4), (0, 0), (299, 300)]
)
def test_bounds_agree_with_their_formulas_in_many_digits(false_alarms: int, misses: int) -> None:
    errors = Errors(false_alarms=false_alarms, outsiders=300, misses=misses, members=300)
    a, b = (exact_upper(errors, 300, 0.025) for errors in (false_alarms, misses))
    ratios = [(1 - x - 1e-5) / y for x, y in ((a, b), (b, a))]
    expected = max([float(log(ratio)) for ratio in ratios if ratio > 0], default=0.0)
    assert epsilon_bound(errors, 1e-5, 0.05) == pytest.approx(max(expected, 0), abs=1e-6)
    mu = max(0.0, norm.ppf(1 - a) - norm.ppf(b)) if max(a, b) < 1 else 0.0
    assert mu_bound(errors, 0.05) == pytest.approx(mu, abs=1e-6)


@pytest.mark.parametrize("mu", [0.1, 0.7568, 3.0, 30.0])
def test_epsilon_of_a_gaussian_curve_solves_its_equation(mu: float) -> None:
    def delta(epsilon: mpf) -> mpf:
        a, b = -epsilon / mu + mpf(mu) / 2, -epsilon / mu - mpf(mu) / 2
        return mp.ncdf(a) - mp.e**epsilon * mp.ncdf(b)

    found = epsilon_of(mu, 1e-5)
    with workdps(40):
        root = findroot(lambda e: log(delta(e)) - log(mpf("1e-5")), found + 1e-3)
    assert found == pytest.approx(float(root), abs=1e-6)


@given(st.integers(0, 300), st.integers(0, 300), st.floats(1e-6, 0.5))
def test_a_test_worse_than_a_coin_shows_nothing(k0: int, k1: int, level: float) -> None:
    """Wrong three times in four is not evidence, however sure it is to be wrong."""
    errors = Errors(
        false_alarms=min(400, k0 + 200), outsiders=400, misses=min(400, k1 + 200), members=400
    )
    assert mu_bound(errors, level) == 0
    assert epsilon_of(0.0, 1e-5) == 0
    assert epsilon_bound(errors, 1e-5, level) == 0


@settings(deadline=None)
@given(
    false_alarms=st.integers(0, 100),
    misses=st.integers(0, 300),
    epsilon=st.floats(0.01, 4),
    delta=st.floats(0, 0.01),
)
def test_the_p_value_is_the_level_at_which_the_bound_meets_the_claim(
    false_alarms: int, misses: int, epsilon: float, delta: float
) -> None:
    errors = Errors(false_alarms=false_alarms, outsiders=500, misses=misses, members=300)
    level = p_value(errors, epsilon, delta)
    assert 0 < level <= 1
    if level < 1:
        assert epsilon_bound(errors, delta, min(level * 1.001, 0.999999)) >= epsilon - 1e-4
        assert epsilon_bound(errors, delta, level * 0.999) <= epsilon


@given(st.integers(1, 200), st.integers(1, 1000), st.floats(1e-4, 0.5))
def test_a_rank_among_outsiders_has_the_same_bound(nth: int, more: int, level: float) -> None:
    """The nth highest of N uniform numbers is one minus a beta variable (n, N - n + 1)."""
    outsiders = nth + more
    exact = beta.isf(level, nth, outsiders - nth + 1)
    assert upper_rate(nth - 1, outsiders, level) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "field"),
    [((5, 4, 0, 1), "false_alarms"), ((0, 1, 2, 1), "misses"), ((0, 0, 0, 1), "false_alarms")],
)
def test_more_errors_than_trials_are_refused(counts: tuple[int, ...], field: str) -> None:
    names = ("false_alarms", "outsiders", "misses", "members")
    with pytest.raises(BadInput, match="among") as refusal:
        Errors(**dict(zip(names, counts, strict=True)))
    assert refusal.value.field == field


def test_an_unbelievable_claim_has_the_least_p_value() -> None:
    errors = Errors(false_alarms=0, outsiders=10**6, misses=0, members=10**6)
    assert p_value(errors, 0.001, 0.0) < 1e-100
    assert p_value(errors, math.inf, 0.0) == 1
