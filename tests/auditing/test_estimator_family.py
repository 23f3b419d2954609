"""Steps with unknown noise: the exact p-value, and the noise that it refutes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom, norm

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.trade_off import TradeOff, trade_off
from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.family import BLIND, epsilon_of, noise_bound, p_value

TYPICAL = Errors(false_alarms=936, outsiders=6250, misses=561, members=1000)


def curve(noise: float, rate: float = 0.05, steps: int = 200) -> TradeOff:
    return trade_off(Mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps))


@pytest.mark.parametrize(
    ("false_alarms", "outsiders", "misses", "members"),
    [(150, 1000, 330, 500), (0, 400, 30, 40), (9, 6000, 800, 900), (700, 1000, 10, 300)],
)
def test_the_p_value_is_a_binomial_one_averaged_over_the_false_positive_rate(
    false_alarms: int, outsiders: int, misses: int, members: int
) -> None:
    """One full batch, whose curve is known, by scipy's quadrature."""
    errors = Errors(false_alarms=false_alarms, outsiders=outsiders, misses=misses, members=members)
    rate = beta(false_alarms + 1, outsiders - false_alarms)

    def integrand(share: float) -> float:
        found = norm.sf(norm.isf(rate.ppf(share)) - 1.25)
        return binom.sf(members - misses - 1, members, found)

    expected = quad(integrand, 0, 1, epsabs=1e-10, limit=300)[0]
    found = p_value(errors, curve(0.8, 1.0, 1))
    assert found >= expected - 1e-6  # the curve lies below the true one, if anywhere
    assert found == pytest.approx(expected, rel=5e-3, abs=1e-6)


def test_it_is_exact_where_nothing_is_shown() -> None:
    """Scores of members and outsiders alike: counts follow a negative hypergeometric law."""
    total, members = 40, 12
    outsiders, nth = total - members, 5
    random = np.random.default_rng(1)
    scores = random.random((200_000, total))
    threshold = np.sort(scores[:, members:], axis=1)[:, -nth]
    found = (scores[:, :members] > threshold[:, None]).sum(axis=1)
    for misses in (4, 7, 9):
        errors = Errors(false_alarms=nth - 1, outsiders=outsiders, misses=misses, members=members)
        chance = float(np.mean(found >= members - misses))
        assert p_value(errors, BLIND) == pytest.approx(chance, abs=0.004)


@pytest.mark.parametrize("level", [0.05, 1e-3])
def test_the_bound_is_the_least_noise_that_is_refuted(level: float) -> None:
    bound = noise_bound(TYPICAL, sample_rate=0.05, steps=200, around=1.0, level=level)
    for more in (1.0, 1.01, 1.1, 2.0, 10.0):
        assert p_value(TYPICAL, curve(bound * more)) <= level
    for less in (0.997, 0.99, 0.8, 0.3, 0.1):
        assert p_value(TYPICAL, curve(bound * less)) > level


@pytest.mark.parametrize("around", [0.2, 1.0, 5.0])
def test_where_it_begins_hardly_matters(around: float) -> None:
    bound = noise_bound(TYPICAL, sample_rate=0.05, steps=200, around=around, level=0.05)
    reference = noise_bound(TYPICAL, sample_rate=0.05, steps=200, around=1.0, level=0.05)
    assert bound == pytest.approx(reference, rel=2.1e-3)


@settings(deadline=None, max_examples=40)
@given(
    outsiders=st.integers(20, 5000),
    share=st.floats(0.001, 0.9),
    members=st.integers(1, 3000),
    missed=st.floats(0, 1),
    noise=st.floats(0.5, 5),
)
def test_p_values_fall_with_the_misses_and_with_the_claimed_noise(
    outsiders: int, share: float, members: int, missed: float, noise: float
) -> None:
    misses = math.floor(missed * (members - 1))
    errors = [
        Errors(
            false_alarms=math.floor(share * outsiders),
            outsiders=outsiders,
            misses=misses + more,
            members=members,
        )
        for more in (0, 1)
    ]
    fewer, more = (p_value(each, curve(noise)) for each in errors)
    assert 0 <= fewer <= more + 1e-12
    assert more <= 1
    assert p_value(errors[0], curve(2 * noise)) <= fewer * 1.001 + 1e-12


def test_a_test_no_better_than_chance_bounds_nothing() -> None:
    chance = Errors(false_alarms=100, outsiders=1000, misses=900, members=1000)
    assert p_value(chance, BLIND) > 0.4
    noise = noise_bound(chance, sample_rate=0.05, steps=200, around=1.0, level=0.05)
    assert noise == math.inf
    assert epsilon_of(noise, sample_rate=0.05, steps=200, delta=1e-5) == 0


def test_accusing_everybody_is_no_evidence() -> None:
    everybody = Errors(false_alarms=50, outsiders=50, misses=0, members=50)
    assert p_value(everybody, curve(1.0)) == 1


def test_more_than_any_noise_explains_is_far_above_every_claim() -> None:
    """Nobody missed, although one in twenty never took part: it ends a sixtieth below the claim."""
    flawless = Errors(false_alarms=10, outsiders=4000, misses=0, members=250)
    noise = noise_bound(flawless, sample_rate=0.05, steps=60, around=1.0, level=0.05)
    assert noise == pytest.approx(1 / 60, rel=0.02)
    assert epsilon_of(noise, sample_rate=0.05, steps=60, delta=1e-5) > 1000
