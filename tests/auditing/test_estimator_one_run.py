"""One-run bounds against the papers' formulas written in another way, and the stored values."""

import math
from itertools import accumulate
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import binomial, exp, fsum, mpf, workdps

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.trade_off import trade_off
from workbench.auditing.estimators import one_run, steinke
from workbench.auditing.estimators.gaussian import epsilon_of
from workbench.auditing.estimators.steinke import Guesses
from workbench.errors import BadInput

NORMAL = NormalDist()
CASES = [(1000, 200, 199), (1000, 100, 87), (300, 300, 190), (2000, 40, 40), (64, 20, 15)]


def exact_p_value(m: int, r: int, v: int, epsilon: float, delta: float) -> float:
    """Steinke, Nasr, Jagielski 2023, term by term in thirty digits."""
    with workdps(30):
        sure = 1 / (1 + exp(-mpf(epsilon)))
        mass = [binomial(r, k) * exp(epsilon * k) * (1 - sure) ** r for k in range(r + 1)]
        within = accumulate(reversed(mass[:v]))
        share = max(total / i for i, total in enumerate(within, start=1))
        return float(min(mpf(1), fsum(mass[v:]) + 2 * m * mpf(delta) * share))


def bisected_epsilon(m: int, r: int, v: int, delta: float, level: float) -> float:
    low, high = 0.0, 8.0
    for _ in range(26):
        middle = (low + high) / 2
        refused = exact_p_value(m, r, v, middle, delta) <= level
        low, high = (middle, high) if refused else (low, middle)
    return low


def allowed(m: int, r: int, v: int, mu: float, level: float) -> bool:
    """Mahloujifar, Melis, Chaudhuri 2024: two whole sequences, then one comparison."""
    h, rights = [0.0] * (v + 1), [0.0] * (v + 1)
    rights[v], h[v] = level * v / m, level * (r - v) / m
    for i in range(v - 1, -1, -1):
        x = rights[i + 1]
        inverse = 0.0 if x <= 0 else 1.0 if x >= 1 else NORMAL.cdf(NORMAL.inv_cdf(x) - mu)
        h[i] = max(h[i + 1], inverse)
        rights[i] = min(1.0, rights[i + 1] + i / (r - i) * (h[i] - h[i + 1]))
    return rights[0] + h[0] <= r / m


def bisected_mu(m: int, r: int, v: int, level: float) -> float:
    low, high = 0.0, 20.0
    for _ in range(45):
        middle = (low + high) / 2
        low, high = (low, middle) if allowed(m, r, v, middle, level) else (middle, high)
    return low


def test_stored_values() -> None:
    for (m, r, v), dp, fdp in zip(CASES[:2], (3.71, 1.39), (6.33, 2.08), strict=True):
        guesses = [Guesses(v, r)]
        assert steinke.epsilon_bound(guesses, m, 1e-5, 0.05) == pytest.approx(dp, abs=5e-3)
        mu = one_run.mu_bound(guesses, m, 0.05)
        assert epsilon_of(mu, 1e-5) == pytest.approx(fdp, abs=5e-3)


@pytest.mark.parametrize(("m", "r", "v"), CASES)
def test_steinke_agrees_with_exact_sums(m: int, r: int, v: int) -> None:
    for delta in (0.0, 1e-5, 1e-3):
        found = steinke.epsilon_bound([Guesses(v, r)], m, delta, 0.05)
        assert found == pytest.approx(bisected_epsilon(m, r, v, delta, 0.05), abs=1e-6)
    for epsilon in (0.0, 1.0, 2.5):
        found = steinke.p_value([Guesses(v, r)], m, epsilon, 1e-5)
        assert found == pytest.approx(exact_p_value(m, r, v, epsilon, 1e-5), abs=1e-6)


@pytest.mark.parametrize(("m", "r", "v"), CASES)
def test_the_recursion_agrees_with_a_second_one(m: int, r: int, v: int) -> None:
    for level in (0.05, 1e-4):
        found = one_run.mu_bound([Guesses(v, r)], m, level)
        assert found == pytest.approx(bisected_mu(m, r, v, level), abs=1e-6)


@pytest.mark.parametrize(("guesses", "cap"), [(20, 1.8), (50, 2.8), (100, 3.5), (500, 5.1)])
def test_without_a_wrong_guess_their_number_is_the_limit(guesses: int, cap: float) -> None:
    found = steinke.epsilon_bound([Guesses(guesses, guesses)], guesses, 0.0, 0.05)
    assert found == pytest.approx(cap, abs=0.05)


def test_half_right_shows_nothing() -> None:
    assert steinke.epsilon_bound([Guesses(50, 100)], 100, 1e-5, 0.05) == 0
    assert one_run.mu_bound([Guesses(50, 100)], 100, 0.05) == 0
    assert steinke.p_value([Guesses(0, 100)], 100, 0.0, 1e-5) == 1
    assert one_run.mu_bound([Guesses(0, 10)], 100, 0.05) == 0


def test_every_number_of_guesses_that_was_fixed_costs_its_share() -> None:
    good, useless = Guesses(90, 100), Guesses(250, 500)
    assert steinke.epsilon_bound([good, useless], 500, 1e-5, 0.05) == pytest.approx(
        steinke.epsilon_bound([good], 500, 1e-5, 0.025)
    )
    assert one_run.mu_bound([good, useless], 500, 0.05) == pytest.approx(
        one_run.mu_bound([good], 500, 0.025)
    )


@settings(deadline=None, max_examples=40)
@given(made=st.integers(4, 200), share=st.floats(0.5, 1), level=st.floats(1e-4, 0.2))
def test_more_right_guesses_show_more(made: int, share: float, level: float) -> None:
    fewer = Guesses(math.floor(share * made), made)
    more = Guesses(min(made, fewer.correct + 1), made)
    for bound in (
        lambda g: steinke.epsilon_bound([g], 400, 1e-5, level),
        lambda g: one_run.mu_bound([g], 400, level),
    ):
        assert bound(fewer) <= bound(more) + 1e-9


@pytest.mark.parametrize(("m", "r", "v"), CASES)
def test_p_values_are_the_levels_at_which_the_claim_falls(m: int, r: int, v: int) -> None:
    guesses = [Guesses(v, r)]
    claimed = Mechanism(noise_multiplier=1.0, sample_rate=1.0, steps=1)
    level = one_run.p_value(guesses, m, trade_off(claimed))
    if level < 1:
        assert one_run.mu_bound(guesses, m, level) == pytest.approx(1.0, abs=2e-3)
    epsilon = steinke.epsilon_bound(guesses, m, 1e-5, 0.03)
    if epsilon:
        assert steinke.p_value(guesses, m, epsilon, 1e-5) == pytest.approx(0.03, abs=1e-6)


def test_more_right_than_guessed_is_refused() -> None:
    with pytest.raises(BadInput, match="4 of 3 guesses cannot be correct"):
        Guesses(4, 3)
    with pytest.raises(BadInput, match="count the correct ones"):
        Guesses(0, 0)
