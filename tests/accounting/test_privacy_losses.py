"""One step's privacy loss, and many steps' by Fourier transform, against exact formulas."""

import math

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_distribution import (
    from_gaussian_mechanism,
    from_mixture_gaussian_mechanism,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from workbench.accounting.aim import aims_at
from workbench.accounting.convolution import epsilon_of
from workbench.accounting.gaussian import gaussian_epsilon, gaussian_noise_multiplier
from workbench.accounting.losses import Losses, losses_of
from workbench.accounting.mixture import Mixture, mixture_of

NOISES = st.floats(0.2, 20)
RATES = st.floats(1e-4, 0.9)


def delta_of(losses: Losses, epsilon: float) -> float:
    values = losses.grid * (losses.first + np.arange(len(losses.probs)))
    above = values > epsilon
    return losses.infinite + float(losses.probs[above] @ -np.expm1(epsilon - values[above]))


def exact_deltas(noise: float, rate: float, epsilon: float) -> tuple[float, float]:
    """Hockey-stick divergences of N(0, s^2) and its mixture with N(1, s^2), by their cdfs."""

    def cut(loss: float) -> float:  # where the mixture is exp(loss) times N(0, s^2)
        odds = (math.exp(loss) - 1 + rate) / rate
        return noise**2 * math.log(odds) + 0.5 if odds > 0 else -math.inf

    def above(x: float) -> tuple[float, float]:
        without = norm.sf(x / noise)
        return (1 - rate) * without + rate * norm.sf((x - 1) / noise), without

    with_them, without = above(cut(epsilon))
    removed = with_them - math.exp(epsilon) * without
    with_them, without = above(cut(-epsilon))
    added = (1 - without) - math.exp(epsilon) * (1 - with_them)
    return removed, added


def many_steps(mixture: Mixture, steps: int, delta: float, grid: float) -> list[float]:
    tail, spare = 1e-7 * delta / steps, 1e-7 * delta
    aims = aims_at([(mixture, steps)], delta=delta, tail=tail, spare=spare, grid=grid)
    both = losses_of(mixture, grid, tail)
    return [
        epsilon_of([(losses, steps)], aim, delta).epsilon
        for losses, aim in zip(both, aims, strict=True)
    ]


@given(noise=NOISES, rate=RATES, epsilon=st.floats(-2, 6), grid=st.floats(1e-3, 0.3))
@settings(deadline=None)
def test_the_rounded_loss_dominates_the_true_one(
    noise: float, rate: float, epsilon: float, grid: float
) -> None:
    both = losses_of(mixture_of(noise, rate), grid, 1e-15)
    for losses, exact in zip(both, exact_deltas(noise, rate, epsilon), strict=True):
        assert delta_of(losses, epsilon) >= exact - 1e-13


@given(noise=NOISES, rate=RATES, line=st.integers(-20, 60), grid=st.floats(1e-3, 0.3))
@settings(deadline=None)
def test_on_the_lines_of_the_grid_nothing_is_lost(
    noise: float, rate: float, line: int, grid: float
) -> None:
    both = losses_of(mixture_of(noise, rate), grid, 1e-15)
    for losses, exact in zip(both, exact_deltas(noise, rate, line * grid), strict=True):
        assert delta_of(losses, line * grid) == pytest.approx(exact, abs=1e-12)


@given(noise=NOISES, rate=RATES, group=st.integers(1, 12), grid=st.floats(0.02, 0.3))
@settings(deadline=None)
def test_the_probabilities_of_the_loss_sum_to_one(
    noise: float, rate: float, group: int, grid: float
) -> None:
    for losses in losses_of(mixture_of(noise, rate, group), grid, 1e-12):
        assert losses.probs.sum() == pytest.approx(1, abs=2e-12)
        assert losses.probs.min() >= 0


@pytest.mark.parametrize(("noise", "rate", "grid"), [(1.0, 0.05, 1e-3), (0.6, 0.001, 1e-3)])
def test_one_step_is_that_of_dp_accounting(noise: float, rate: float, grid: float) -> None:
    theirs = from_gaussian_mechanism(noise, sampling_prob=rate, value_discretization_interval=grid)
    ours = losses_of(mixture_of(noise, rate), grid, 1e-22)
    for losses, pmf in zip(ours, (theirs._pmf_remove, theirs._pmf_add), strict=True):
        assert_same(losses, pmf.to_dense_pmf())


def test_a_step_of_several_slices_is_that_of_dp_accounting() -> None:
    counts, grid = np.arange(5), 0.02
    theirs = from_mixture_gaussian_mechanism(
        2.0, counts, binom.pmf(counts, 4, 0.2), value_discretization_interval=grid
    )
    ours = losses_of(mixture_of(2.0, 0.2, 4), grid, 1e-22)
    for losses, pmf in zip(ours, (theirs._pmf_remove, theirs._pmf_add), strict=True):
        assert_same(losses, pmf.to_dense_pmf())


def assert_same(losses: Losses, theirs: object) -> None:
    first = max(losses.first, theirs._lower_loss)  # type: ignore[attr-defined]
    last = min(
        losses.first + len(losses.probs),
        theirs._lower_loss + theirs.size,  # type: ignore[attr-defined]
    )
    own = losses.probs[first - losses.first : last - losses.first]
    other = theirs._probs[first - theirs._lower_loss : last - theirs._lower_loss]  # type: ignore[attr-defined]
    assert own.sum() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(own, other, rtol=0, atol=1e-10)


@given(noise=NOISES, rate=RATES, group=st.integers(1, 30), loss=st.floats(-1, 50))
@settings(deadline=None)
def test_places_are_where_the_loss_has_its_values(
    noise: float, rate: float, group: int, loss: float
) -> None:
    mixture = mixture_of(noise, rate, group)
    assume(loss > mixture.log_absent + 1e-6)
    place = mixture.places(np.array([loss]))
    assert mixture.loss(place)[0] == pytest.approx(loss, abs=1e-9, rel=1e-9)


def test_probabilities_far_out_keep_their_digits() -> None:
    places = np.array([-36.0, -35.9, 35.9, 36.0])
    _, masses = Mixture(np.ones(1), np.ones(1), -math.inf).masses(places)
    exact = norm.cdf(-35.9) - norm.cdf(-36.0)
    assert masses[1] == pytest.approx(exact, rel=1e-10, abs=0)
    assert masses[3] == pytest.approx(exact, rel=1e-10, abs=0)
    assert masses[4] == pytest.approx(norm.sf(36), rel=1e-10, abs=0)


def test_rare_draws_may_be_left_out_and_are_counted_as_lost() -> None:
    whole, most = mixture_of(1.0, 0.1, 40), mixture_of(1.0, 0.1, 40, dropped=1e-9)
    assert len(most.shifts) < len(whole.shifts)
    assert math.exp(most.log_absent) + most.weights.sum() >= 1 - 1e-9
    assert losses_of(most, 0.1, 1e-12)[0].infinite >= 1e-9


@pytest.mark.parametrize("delta", [1e-3, 1e-5, 1e-9, 1e-12, 1e-16, 1e-30])
@pytest.mark.parametrize("steps", [1, 100, 100_000])
@pytest.mark.parametrize("epsilon", [0.01, 1.0, 30.0, 720.0, 1e5, 1e9])
def test_many_gaussian_steps_come_to_the_closed_form_and_never_below(
    epsilon: float, steps: int, delta: float
) -> None:
    noise = gaussian_noise_multiplier(epsilon, steps, delta)
    one_step = (20 + 1 / noise) / noise
    grid = max(one_step, 14 * math.sqrt(steps) / noise) / 20_000
    found = many_steps(mixture_of(noise, 1.0), steps, delta, grid)
    exact = gaussian_epsilon(noise, steps, delta)
    assert all(exact <= each <= 1.02 * exact for each in found)
