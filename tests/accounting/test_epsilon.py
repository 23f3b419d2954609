import math

import pytest
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from workbench.accounting.gaussian import (
    gaussian_delta,
    gaussian_epsilon,
    gaussian_noise_multiplier,
)
from workbench.accounting.guarantee import Guarantee, round_up
from workbench.accounting.pld import epsilon_for_drawing, epsilon_spent, noise_for
from workbench.errors import BadInput


@pytest.mark.parametrize(
    ("noise_multiplier", "sample_rate", "steps", "delta"),
    [(1.0, 0.05, 500, 1e-5), (2.0, 0.1, 200, 1e-5), (0.7, 0.05, 300, 1e-3)],
)
def test_the_reported_epsilon_is_that_of_dp_accountings_pld(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> None:
    accountant = PLDAccountant()
    step = dp_event.PoissonSampledDpEvent(sample_rate, dp_event.GaussianDpEvent(noise_multiplier))
    accountant.compose(dp_event.SelfComposedDpEvent(step, steps))

    spent = epsilon_spent(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta
    )

    assert spent == pytest.approx(accountant.get_epsilon(delta), abs=1e-6)


def test_at_full_batch_pld_and_the_closed_form_agree() -> None:
    accountant = PLDAccountant()
    accountant.compose(dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(20.0), 100))
    exact = epsilon_spent(noise_multiplier=20, sample_rate=1, steps=100, delta=1e-5)
    assert exact == pytest.approx(1.9931, abs=1e-4)
    assert exact == pytest.approx(accountant.get_epsilon(1e-5), abs=1e-3)


@given(
    noise_multiplier=st.floats(0.6, 4),
    sample_rate=st.floats(0.01, 0.3),
    steps=st.integers(1, 400),
)
@settings(max_examples=15, deadline=None)
def test_the_value_for_drawing_is_never_below_the_reported_one(
    noise_multiplier: float, sample_rate: float, steps: int
) -> None:
    setting = {
        "noise_multiplier": noise_multiplier,
        "sample_rate": sample_rate,
        "steps": steps,
        "delta": 1e-4,
    }
    assert epsilon_for_drawing(**setting) >= epsilon_spent(**setting) - 1e-6


@given(st.floats(1e-3, 30), st.floats(1e-3, 30))
def test_more_noise_costs_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert gaussian_epsilon(high, 1, 1e-5) <= gaussian_epsilon(low, 1, 1e-5)


@given(mu=st.floats(0.05, 8), epsilon=st.floats(0.01, 20))
def test_the_closed_form_is_the_textbook_formula(mu: float, epsilon: float) -> None:
    textbook = norm.cdf(-epsilon / mu + mu / 2) - math.exp(epsilon) * norm.cdf(
        -epsilon / mu - mu / 2
    )
    assert gaussian_delta(epsilon, mu) == pytest.approx(textbook, abs=1e-12)


def test_tiny_noise_has_a_finite_huge_epsilon_and_no_noise_an_infinite_one() -> None:
    assert gaussian_epsilon(1e-4, 1, 1e-5) == pytest.approx(5.0e7, rel=1e-2)
    assert gaussian_epsilon(0, 1, 1e-5) == math.inf
    spent = epsilon_spent(noise_multiplier=1e-3, sample_rate=0.05, steps=300, delta=1e-3)
    assert math.isfinite(spent)


@pytest.mark.parametrize("target", [0.1, 1.0, 8.0])
@pytest.mark.parametrize("sample_rate", [0.05, 1.0])
def test_calibrated_noise_meets_the_target_from_below(target: float, sample_rate: float) -> None:
    noise = noise_for(target_epsilon=target, sample_rate=sample_rate, steps=100, delta=1e-4)
    spent = epsilon_spent(noise_multiplier=noise, sample_rate=sample_rate, steps=100, delta=1e-4)
    assert 0.97 * target < spent <= target * (1 + 1e-9)


def test_an_unreachable_target_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="No noise multiplier"):
        gaussian_noise_multiplier(1e18, 1, 1e-5)


@given(st.floats(0, 1e3))
def test_an_epsilon_is_never_shown_smaller_than_it_is(epsilon: float) -> None:
    assert float(round_up(epsilon)) >= epsilon - 1e-6


def test_a_guarantee_says_everything_it_rests_on() -> None:
    said = str(
        Guarantee(
            epsilon=7.9912,
            delta=1e-5,
            unit="patient",
            sampling="Poisson q = 0.05, 400 steps",
            assumptions=("n", "window"),
        )
    )
    assert said == (
        "(8.00, 1e-05)-DP per patient, add or remove one, Poisson q = 0.05, 400 steps, PLD; "
        "assumed public: n, window."
    )


def test_a_void_guarantee_promises_nothing() -> None:
    void = Guarantee.void("the noise was drawn from a seed")
    assert not void.private
    assert str(void) == "No privacy guarantee: the noise was drawn from a seed."
