"""What somebody can believe of another: closed forms, Bayes' rule by counting, known figures."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.accounting.attacker import FALSE_ALARMS, odds
from workbench.accounting.composition import composed_epsilon
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.posterior import predictive_value, worst_output_posterior
from workbench.errors import BadInput

shares = st.floats(1e-6, 1 - 1e-6)


@pytest.mark.parametrize(
    ("noise", "rate", "valued", "worst"),
    [(0.6, 0.05, 0.28, 1.0), (1.0, 0.05, 0.077, 0.992), (2.0, 0.1, 0.056, 0.966)],
)
def test_the_figures_of_an_ethics_board(
    noise: float, rate: float, valued: float, worst: float
) -> None:
    released = [Mechanism(noise_multiplier=noise, sample_rate=rate, steps=200)]
    found = odds(released).found
    assert predictive_value(found, FALSE_ALARMS, 0.01) == pytest.approx(valued, abs=0.005)
    epsilon = composed_epsilon(released, 1e-5, grid=1e-3)
    assert worst_output_posterior(epsilon) == pytest.approx(worst, abs=5e-4)


@given(st.floats(0, 30), shares)
def test_no_output_of_randomised_response_tells_more(epsilon: float, prior: float) -> None:
    """Randomised response is the mechanism that reaches the bound."""
    truth = 1 / (1 + math.exp(-epsilon))
    said_yes = prior * truth / (prior * truth + (1 - prior) * (1 - truth))
    assert worst_output_posterior(epsilon, prior) == pytest.approx(said_yes, rel=1e-6)


@given(st.floats(0, 50), st.floats(0, 50), shares)
def test_a_larger_epsilon_lets_somebody_be_surer(a: float, b: float, prior: float) -> None:
    low, high = sorted((a, b))
    beliefs = [worst_output_posterior(each, prior) for each in (0.0, low, high, math.inf)]
    assert beliefs == sorted(beliefs)
    assert beliefs[0] == pytest.approx(prior)
    assert beliefs[-1] == 1.0


@given(st.integers(0, 100), st.integers(1, 100), st.integers(1, 99))
def test_the_accused_are_counted(found: int, alarms: int, members: int) -> None:
    """Of a hundred times a hundred people, by heads."""
    right, wrong = members * found, (100 - members) * alarms
    share = predictive_value(found / 100, alarms / 100, members / 100)
    assert share == pytest.approx(float(Fraction(right, right + wrong)), abs=1e-12)


def test_who_accuses_blindly_is_as_often_right_as_anybody_took_part() -> None:
    for prevalence in np.linspace(0.01, 0.99, 7):
        assert predictive_value(0.3, 0.3, prevalence) == pytest.approx(prevalence)


@pytest.mark.parametrize(("prior", "epsilon"), [(0.0, 1.0), (1.0, 1.0), (0.5, -1.0)])
def test_what_is_no_belief_is_refused(prior: float, epsilon: float) -> None:
    with pytest.raises(BadInput, match="must be"):
        worst_output_posterior(epsilon, prior)
