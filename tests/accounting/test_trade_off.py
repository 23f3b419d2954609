"""The trade-off curve: exact where a formula is known, never above it, and where it bends."""

import math

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.reconstruction import identification_bound
from workbench.accounting.trade_off import TradeOff, trade_off

ALPHAS = np.array([1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.99])


def curve(noise: float, rate: float, steps: int) -> TradeOff:
    return trade_off(Mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps))


@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (10.0, 100), (0.3, 1), (5.0, 1000)])
def test_full_batches_have_the_gaussian_curve(noise: float, steps: int) -> None:
    mu = math.sqrt(steps) / noise
    exact = norm.cdf(norm.isf(ALPHAS) - mu)
    found = curve(noise, 1.0, steps).at(ALPHAS)
    assert (found <= exact + 1e-12).all()
    np.testing.assert_allclose(found, exact, atol=1e-4)


@settings(deadline=None, max_examples=60)
@given(noise=st.floats(0.3, 10), rate=st.floats(0.001, 0.99))
def test_one_step_is_the_threshold_test_of_the_mixture(noise: float, rate: float) -> None:
    """One step's likelihood ratio increases with its output, so the best test cuts there."""
    cut = norm.isf(ALPHAS) * noise
    exact = (1 - rate) * norm.cdf(cut / noise) + rate * norm.cdf((cut - 1) / noise)
    found = curve(noise, rate, 1).at(ALPHAS)
    assert (found <= exact + 1e-12).all()
    np.testing.assert_allclose(found, exact, atol=1e-3)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.0, 0.05, 200), (0.6, 0.05, 200), (2.0, 0.1, 200)]
)
def test_many_steps_agree_with_dp_accounting(noise: float, rate: float, steps: int) -> None:
    step = from_gaussian_mechanism(
        noise, sampling_prob=rate, value_discretization_interval=1e-4 if noise >= 1 else 1e-3
    )
    epsilons = np.linspace(0, 12, 400)
    deltas = np.array(step.self_compose(steps).get_delta_for_epsilon(epsilons))[:, None]
    lines = np.maximum(
        1 - deltas - np.exp(epsilons)[:, None] * ALPHAS,
        np.exp(-epsilons)[:, None] * (1 - deltas - ALPHAS),
    )
    expected = np.maximum(lines.max(axis=0), 0)
    found = curve(noise, rate, steps).symmetric.at(ALPHAS)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_it_is_the_bound_on_identification_seen_from_the_other_side() -> None:
    released = Mechanism(noise_multiplier=1.0, sample_rate=0.05, steps=200)
    kappas = np.array([1e-3, 0.01, 0.1])
    power = 1 - trade_off(released).symmetric.at(kappas)
    bound = identification_bound([released], kappas)
    # That bound is taken from fewer tangents on a coarser grid.
    assert (power <= bound + 1e-6).all()
    np.testing.assert_allclose(power, bound, rtol=0.01)


def test_presence_and_absence_are_not_found_alike() -> None:
    """With little noise, most of those who were drawn are found without any false alarm."""
    one_way = curve(0.1, 0.05, 20)
    never = 0.95**20
    assert one_way.at(1e-4) == pytest.approx(never, rel=0.05)
    assert one_way.symmetric.at(1e-4) < one_way.at(1e-4)
    # The other way round, nobody's absence is certain: accusing the absent misses most of them.
    assert one_way.symmetric.at(0.5) == pytest.approx(float(one_way.at(0.5)), abs=0.5 * never)


@settings(deadline=None, max_examples=30)
@given(
    noise=st.floats(0.4, 20),
    rate=st.floats(0.001, 1),
    steps=st.integers(1, 2000),
    more=st.floats(1.01, 2),
)
def test_a_curve_is_convex_falls_and_rises_with_noise(
    noise: float, rate: float, steps: int, more: float
) -> None:
    alphas = np.linspace(0, 1, 101)
    misses = curve(noise, rate, steps).at(alphas)
    assert (misses >= 0).all()
    assert (misses <= 1 - alphas + 1e-12).all()
    assert (np.diff(misses) <= 1e-12).all()
    assert (np.diff(misses, 2) >= -1e-9).all()
    assert (curve(noise * more, rate, steps).at(alphas) >= misses - 1e-3).all()


def test_without_noise_who_was_drawn_is_found() -> None:
    found = curve(0.0, 0.05, 60)
    np.testing.assert_allclose(found.at(ALPHAS), 0.95**60 * (1 - ALPHAS), rtol=1e-12)
    assert (curve(0.0, 1.0, 1).at(ALPHAS) == 0).all()
    np.testing.assert_allclose(curve(0.05, 0.05, 60).at(ALPHAS), found.at(ALPHAS), atol=1e-3)


def test_without_steps_there_is_nothing_to_find() -> None:
    np.testing.assert_allclose(curve(1.0, 0.5, 0).at(ALPHAS), 1 - ALPHAS)


def test_extreme_mechanisms_have_a_curve() -> None:
    for noise, rate, steps in [
        (0.01, 0.05, 200),
        (0.2, 1e-4, 10),
        (100.0, 0.5, 10),
        (0.5, 0.2, 5000),
    ]:
        misses = curve(noise, rate, steps).at(ALPHAS)
        assert np.isfinite(misses).all()
        assert ((misses >= 0) & (misses <= 1)).all()
