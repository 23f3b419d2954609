"""What epsilon means to an attacker: closed forms, an independent accountant, and order."""

import math

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from workbench.accounting.attacker import BLIND, CERTAIN, odds, odds_of_promise
from workbench.accounting.composition import composed_epsilon
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput


def mechanism(noise: float, rate: float, steps: int) -> Mechanism:
    return Mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)


@pytest.mark.parametrize(("noise", "steps"), [(0.7, 1), (20.0, 100), (5.0, 4)])
def test_full_batches_have_the_odds_of_a_gaussian_shift(noise: float, steps: int) -> None:
    mu = math.sqrt(steps) / noise
    found = odds([mechanism(noise, 1.0, steps)])
    assert found.accuracy == pytest.approx(norm.cdf(mu / 2))
    assert found.found == pytest.approx(norm.cdf(norm.ppf(0.01) + mu))
    assert found.reconstructed == pytest.approx(norm.cdf(norm.ppf(0.001) + mu))


@pytest.mark.parametrize(("noise", "rate", "steps"), [(1.0, 0.05, 100), (2.5, 0.3, 60)])
def test_sampled_batches_agree_with_another_accountant(
    noise: float, rate: float, steps: int
) -> None:
    reference = from_gaussian_mechanism(
        noise, value_discretization_interval=1e-3, sampling_prob=rate
    ).self_compose(steps)
    epsilons = np.linspace(0, 12, 600)
    deltas = np.array(reference.get_delta_for_epsilon(epsilons))
    powers = [
        np.minimum(np.exp(epsilons) * a + deltas, 1 - np.exp(-epsilons) * (1 - deltas - a)).min()
        for a in (0.01, 0.001)
    ]
    found = odds([mechanism(noise, rate, steps)])
    assert found.accuracy == pytest.approx((1 + deltas[0]) / 2, abs=1e-3)
    assert [found.found, found.reconstructed] == pytest.approx(powers, rel=0.01)


@settings(max_examples=5, deadline=None)
@given(st.floats(0.6, 8), st.sampled_from([0.05, 0.5, 1.0]), st.integers(1, 200))
def test_the_mechanism_gives_away_no_more_than_its_epsilon_says(
    noise: float, rate: float, steps: int
) -> None:
    released = [mechanism(noise, rate, steps)]
    promised = odds_of_promise(composed_epsilon(released, 1e-3, grid=1e-2), 1e-3)
    for own, blind, most in zip(odds(released), BLIND, promised, strict=True):
        assert blind <= own <= most + 1e-9


def test_more_noise_helps_the_attacker_in_nothing() -> None:
    loud, quiet = (odds([mechanism(noise, 0.2, 40)]) for noise in (4.0, 1.0))
    assert all(np.array(loud) < np.array(quiet))


def test_two_releases_give_away_more_than_one() -> None:
    one = mechanism(2.0, 0.2, 40)
    assert all(np.array(odds([one])) < np.array(odds([one, one])))


def test_without_noise_there_is_no_bound_and_without_a_release_nothing_to_see() -> None:
    assert odds([mechanism(0.0, 0.5, 1)]) == CERTAIN == odds_of_promise(math.inf, 0.0)
    assert odds([]) == odds([mechanism(1.0, 0.5, 0)]) == BLIND
    assert odds_of_promise(0.0, 0.0) == pytest.approx(BLIND)


def test_a_promise_of_epsilon_ln3_is_a_coin_that_is_right_three_times_in_four() -> None:
    assert odds_of_promise(math.log(3), 0.0) == pytest.approx((0.75, 0.03, 0.003))


@pytest.mark.parametrize(("epsilon", "delta"), [(-1.0, 0.0), (1.0, 1.0), (math.nan, 0.0)])
def test_a_promise_that_is_none_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(BadInput):
        odds_of_promise(epsilon, delta)
