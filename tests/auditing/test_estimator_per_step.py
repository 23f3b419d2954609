"""The step-by-step test: its moments, its law, and what it says of other numbers of steps."""

import math

import numpy as np
import pytest
from audited import claim_of, drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, kstest, nct, ttest_ind

from workbench.auditing.estimators.per_step import Moments, moments_of, noise_bound, p_value


def moments(
    random: np.random.Generator, noise: float, taken: int, others: int, shift: float = 1.0
) -> Moments:
    """The moments of so many normal signals, drawn from their own laws."""
    return Moments(
        taken=taken,
        taken_mean=shift + noise * random.standard_normal() / math.sqrt(taken),
        taken_deviation=noise * math.sqrt(random.chisquare(taken - 1) / (taken - 1)),
        others=others,
        others_mean=noise * random.standard_normal() / math.sqrt(others),
        others_deviation=noise * math.sqrt(random.chisquare(others - 1) / (others - 1)),
    )


def test_moments_are_those_of_the_two_groups() -> None:
    seen = drawn(0, canaries=60, nulls=40, steps=50, rate=0.2, noise=2.0)
    found = moments_of(seen.signals, seen.included)
    is_taken = np.zeros(seen.signals.shape, dtype=bool)
    is_taken[:, :60] = seen.included
    for name, group in ("taken", is_taken), ("others", ~is_taken):
        values = seen.signals[group].astype(np.float64)
        assert getattr(found, name) == len(values)
        assert getattr(found, f"{name}_mean") == pytest.approx(values.mean(), abs=1e-9)
        assert getattr(found, f"{name}_deviation") == pytest.approx(values.std(ddof=1), rel=1e-9)


@pytest.mark.parametrize(
    ("noise", "taken", "others"),
    [(0.5, 300, 40_000), (1.0, 300, 40_000), (4.0, 300, 40_000), (0.1, 20_000, 20_000)],
)
def test_p_values_of_a_true_claim_are_uniform(noise: float, taken: int, others: int) -> None:
    random = np.random.default_rng(3)
    claim = claim_of(noise=noise)
    values = [p_value(moments(random, noise, taken, others), claim, 200) for _ in range(2000)]
    assert kstest(values, "uniform").pvalue > 1e-3


def test_a_bound_is_wrong_as_often_as_it_may_be() -> None:
    random = np.random.default_rng(4)
    wrong = sum(noise_bound(moments(random, 1.0, 100, 9000), 0.05) < 1.0 for _ in range(4000))
    assert binomtest(wrong, 4000, 0.05).pvalue > 1e-3


def test_against_the_non_central_t_distribution() -> None:
    """With pooled variance the distance is exactly non-central t; the two differ by a hair."""
    found = Moments(
        taken=1000, taken_mean=1.03, taken_deviation=0.99, others=50_000, others_mean=0.001,
        others_deviation=0.995,
    )  # fmt: skip
    pooled = math.sqrt((999 * 0.99**2 + 49_999 * 0.995**2) / 50_998)
    scale = math.sqrt(1 / 1000 + 1 / 50_000)
    t = (1.03 - 0.001) / (pooled * scale)
    expected = nct.sf(t, 50_998, 1.0 / scale)
    assert p_value(found, claim_of(), 200) == pytest.approx(expected, rel=0.02)


def test_against_welchs_test_of_the_means() -> None:
    """Noise so large that the two laws have nearly the same centre: mu is about 0."""
    random = np.random.default_rng(5)
    taken, others = 1 + 1e6 * random.standard_normal(200), 1e6 * random.standard_normal(30_000)
    signals = np.concatenate((taken, others))[None]
    found = moments_of(signals, np.arange(1000)[None] < 200)
    welch = ttest_ind(taken, others, equal_var=False, alternative="greater").pvalue
    assert p_value(found, claim_of(noise=1e6), 200) == pytest.approx(welch, abs=1e-4)


@settings(deadline=None)
@given(
    noise=st.floats(0.3, 5),
    taken=st.integers(2, 5000),
    level=st.floats(1e-6, 0.5),
    seed=st.integers(0, 1000),
)
def test_the_claim_falls_at_the_level_at_which_its_noise_is_the_bound(
    noise: float, taken: int, level: float, seed: int
) -> None:
    found = moments(np.random.default_rng(seed), noise, taken, 100_000)
    bound = noise_bound(found, level)
    if bound < math.inf:
        assert p_value(found, claim_of(noise=bound), 200) == pytest.approx(level, rel=1e-6)


def test_a_common_factor_changes_nothing() -> None:
    """A wrong divisor scales signal and noise alike, and with them no epsilon."""
    bounds = [
        noise_bound(moments_of(seen.signals, seen.included), 0.05)
        for seen in (drawn(1, canaries=200, nulls=300, scale=scale) for scale in (1.0, 1e-3, 50.0))
    ]
    np.testing.assert_allclose(bounds, bounds[0], rtol=1e-4)


def test_without_noise_there_is_no_bound_and_no_doubt() -> None:
    seen = drawn(1, canaries=50, nulls=50, noise=0.0)
    found = moments_of(seen.signals, seen.included)
    assert noise_bound(found, 0.05) == 0
    assert p_value(found, claim_of(), 200) == 0


def test_canaries_without_a_trace_show_nothing() -> None:
    silent = moments_of(np.zeros((10, 6), np.float32), np.ones((10, 2), bool))
    assert noise_bound(silent, 0.05) == math.inf
    assert p_value(silent, claim_of(), 200) == 1
    nobody = moments_of(np.ones((10, 6), np.float32), np.zeros((10, 2), bool))
    assert noise_bound(nobody, 0.05) == math.inf
    assert p_value(nobody, claim_of(), 200) == 1


def test_more_steps_than_charged_refute_the_claim() -> None:
    found = moments(np.random.default_rng(6), 1.0, 10_000, 1_000_000)
    assert p_value(found, claim_of(), 200) > 0.01
    assert p_value(found, claim_of(), 400) < 1e-12
    assert p_value(found, claim_of(), 100) > 0.99
