"""How likely the record can be named: the closed form, the sampled mechanism, and their limits."""

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.reconstruction import identification_bound
from workbench.errors import BadInput


def gamma(noise: float, rate: float, steps: int, *kappas: float) -> np.ndarray:
    released = Mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)
    return identification_bound([released], np.array(kappas))


@pytest.mark.parametrize(
    ("noise", "at_hundredth", "at_tenth"),
    [(0.5, 0.372, 0.764), (1.0, 0.092, 0.389), (2.0, 0.034, 0.217), (4.0, 0.019, 0.151)],
)
def test_one_release_to_all_has_the_published_values(
    noise: float, at_hundredth: float, at_tenth: float
) -> None:
    np.testing.assert_allclose(gamma(noise, 1.0, 1, 0.01, 0.1), [at_hundredth, at_tenth], atol=5e-4)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.0, 0.02, 500), (0.6, 0.02, 500), (1.0, 0.1, 200)]
)
def test_sampled_releases_agree_with_the_best_test_by_simulation(
    noise: float, rate: float, steps: int
) -> None:
    """Hayes et al. 2023: the likelihood-ratio test at false-positive rate kappa."""
    trials, random, kappas = 10_000, np.random.default_rng(0), np.array([0.01, 0.1])

    def ratios(member: bool) -> np.ndarray:
        total = np.zeros(trials)
        for _ in range(steps):
            drawn = (random.random(trials) < rate) & member
            output = drawn + noise * random.standard_normal(trials)
            total += np.log1p(rate * np.expm1((2 * output - 1) / (2 * noise**2)))
        return total

    thresholds = np.quantile(ratios(member=False), 1 - kappas)
    simulated = (ratios(member=True)[:, None] > thresholds).mean(axis=0)
    # A quantile of kappa is itself off by a standard error; the curve's slope carries it on.
    bound, slope = (
        gamma(noise, rate, steps, *kappas),
        np.diff(gamma(noise, rate, steps, 0.009, 0.011)),
    )
    error = 4 * np.sqrt(bound / trials + kappas * (slope[0] / 0.002) ** 2 / trials)
    assert (simulated <= bound + error).all()
    assert (simulated >= bound - error).all()


@settings(max_examples=4, deadline=None)
@given(
    noise=st.floats(0.6, 5), rate=st.floats(0.005, 0.5), steps=st.integers(1, 200),
    kappa=st.floats(1e-4, 0.5),
)  # fmt: skip
def test_it_is_the_least_line_of_an_independent_accountant(
    noise: float, rate: float, steps: int, kappa: float
) -> None:
    composed = from_gaussian_mechanism(
        noise, sampling_prob=rate, value_discretization_interval=1e-3
    ).self_compose(steps)
    epsilons = np.concatenate([[0.0], np.geomspace(1e-3, 60, 1500)])
    deltas = np.array(composed.get_delta_for_epsilon(epsilons))
    forward = (deltas + np.exp(epsilons) * kappa).min()
    backward = (1 - np.exp(-epsilons) * (1 - deltas - kappa)).min()
    expected = min(forward, backward, 1.0)
    assert gamma(noise, rate, steps, kappa)[0] == pytest.approx(expected, rel=0.01)


@settings(max_examples=5, deadline=None)
@given(
    noise=st.floats(0.3, 20), rate=st.floats(0.001, 1), steps=st.integers(1, 300),
    kappas=st.lists(st.floats(1e-6, 0.99), min_size=2, max_size=5, unique=True),
)  # fmt: skip
def test_it_lies_between_a_blind_guess_and_no_sampling_and_rises(
    noise: float, rate: float, steps: int, kappas: list[float]
) -> None:
    ordered = sorted(kappas)
    found = gamma(noise, rate, steps, *ordered)
    assert (found >= np.array(ordered) - 1e-12).all()
    assert (found <= gamma(noise, 1.0, steps, *ordered) + 1e-12).all()
    assert (np.diff(found) >= -1e-3 * found[1:]).all()


@settings(max_examples=4, deadline=None)
@given(noise=st.floats(0.5, 5), rate=st.floats(0.01, 1), log_delta=st.floats(-12, -1))
def test_it_keeps_within_what_epsilon_and_delta_promise(
    noise: float, rate: float, log_delta: float
) -> None:
    released, delta = Mechanism(noise_multiplier=noise, sample_rate=rate, steps=50), 10**log_delta
    promised = 0.01 * np.exp(composed_epsilon([released], delta)) + delta
    assert gamma(noise, rate, 50, 0.01)[0] <= promised * (1 + 2e-2)


def test_releases_add_up_in_any_order() -> None:
    halves = [Mechanism(noise_multiplier=2.0, sample_rate=1.0, steps=steps) for steps in (3, 6)]
    together = identification_bound(halves, np.array([0.05]))
    np.testing.assert_allclose(together, gamma(2.0 / 3.0, 1.0, 1, 0.05), rtol=1e-12)


def test_without_noise_anybody_can_be_named_and_without_release_nobody() -> None:
    np.testing.assert_array_equal(gamma(0.0, 0.1, 1, 0.01, 0.5), 1)
    np.testing.assert_allclose(gamma(1.0, 0.1, 0, 0.01, 0.5), [0.01, 0.5])


@pytest.mark.parametrize("kappa", [0.0, 1.0, -0.1])
def test_a_kappa_out_of_range_is_refused(kappa: float) -> None:
    with pytest.raises(BadInput, match="between 0 and 1"):
        gamma(1.0, 1.0, 1, kappa)
