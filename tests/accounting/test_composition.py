"""Several trainings on the same data, charged together."""

import math
from dataclasses import replace

import pytest
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant
from dp_accounting.pld.privacy_loss_distribution import (
    from_gaussian_mechanism,
    from_mixture_gaussian_mechanism,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm

from workbench.accounting.composition import FINE, composed_epsilon
from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.mechanism import Mechanism

DELTA = 1e-5
TRAINING = Mechanism(noise_multiplier=1.0, sample_rate=0.05, steps=500)
OTHER = Mechanism(noise_multiplier=2.0, sample_rate=0.2, steps=100)
FULL = Mechanism(noise_multiplier=20.0, sample_rate=1.0, steps=50)

MECHANISMS = st.builds(
    Mechanism,
    noise_multiplier=st.floats(0.5, 20),
    sample_rate=st.floats(1e-3, 0.5) | st.just(1.0),
    steps=st.integers(0, 2000),
    group=st.integers(1, 5),
)


def quick(*mechanisms: Mechanism, delta: float = DELTA) -> float:
    return composed_epsilon(mechanisms, delta, grid=1e-2)


def test_nothing_costs_nothing() -> None:
    assert composed_epsilon([], DELTA) == 0
    assert composed_epsilon([replace(TRAINING, steps=0)], DELTA) == 0
    assert composed_epsilon([replace(TRAINING, steps=0, noise_multiplier=0)], DELTA) == 0


def test_a_step_without_noise_costs_everything() -> None:
    bare = Mechanism(noise_multiplier=0, sample_rate=1e-6, steps=1)
    assert composed_epsilon([TRAINING, bare], DELTA) == math.inf


@given(st.lists(MECHANISMS, max_size=4))
@settings(max_examples=20, deadline=None)
def test_the_order_does_not_matter_nor_that_a_training_was_interrupted(
    mechanisms: list[Mechanism],
) -> None:
    parts = [replace(each, steps=each.steps - each.steps // 3) for each in mechanisms]
    rest = [replace(each, steps=each.steps // 3) for each in mechanisms]
    assert quick(*reversed(rest), *parts) == quick(*mechanisms)


@given(st.lists(MECHANISMS, max_size=3), MECHANISMS)
@settings(max_examples=20, deadline=None)
def test_another_training_costs_more_but_not_more_than_its_own_price_on_top(
    mechanisms: list[Mechanism], another: Mechanism
) -> None:
    before, together = quick(*mechanisms), quick(*mechanisms, another)
    assert together >= before * (1 - 1e-3) - 1e-6  # as near as the quick grid is
    assert together <= quick(*mechanisms, delta=DELTA / 2) + quick(another, delta=DELTA / 2) + 1e-6


def test_different_trainings_compose_as_in_dp_accounting() -> None:
    accountant = PLDAccountant()
    for each in (TRAINING, OTHER):
        step = dp_event.PoissonSampledDpEvent(
            each.sample_rate, dp_event.GaussianDpEvent(each.noise_multiplier)
        )
        accountant.compose(dp_event.SelfComposedDpEvent(step, each.steps))
    spent = composed_epsilon([TRAINING, OTHER], DELTA)
    assert spent == pytest.approx(accountant.get_epsilon(DELTA), abs=2e-6)
    assert spent < composed_epsilon([TRAINING], DELTA) + composed_epsilon([OTHER], DELTA)


def test_sampled_and_full_batch_steps_compose_as_in_dp_accounting() -> None:
    sampled = from_gaussian_mechanism(1.0, sampling_prob=0.05, value_discretization_interval=1e-3)
    full = from_gaussian_mechanism(20.0, value_discretization_interval=1e-3)
    theirs = sampled.self_compose(500).compose(full.self_compose(50))
    spent = composed_epsilon([TRAINING, FULL], DELTA)
    assert spent == pytest.approx(theirs.get_epsilon_for_delta(DELTA), rel=1e-4)


def test_full_batch_steps_have_a_closed_form() -> None:
    group = replace(FULL, noise_multiplier=3.0, steps=7, group=4)
    mu = math.sqrt(FULL.steps / FULL.noise_multiplier**2 + 7 * (4 / 3.0) ** 2)
    assert composed_epsilon([FULL, group], DELTA) == pytest.approx(
        gaussian_epsilon(1 / mu, 1, DELTA), rel=1e-12
    )
    assert composed_epsilon([FULL], DELTA) == gaussian_epsilon(20.0, 50, DELTA)


@pytest.mark.parametrize(("noise", "rate", "group"), [(2.0, 0.1, 2), (4.0, 0.3, 5)])
def test_several_slices_of_a_patient_cost_what_dp_accounting_says(
    noise: float, rate: float, group: int
) -> None:
    counts = range(group + 1)
    one = from_mixture_gaussian_mechanism(
        noise, counts, binom.pmf(counts, group, rate), value_discretization_interval=1e-2
    )
    theirs = one.self_compose(100).get_epsilon_for_delta(DELTA)
    ours = composed_epsilon(
        [Mechanism(noise_multiplier=noise, sample_rate=rate, steps=100, group=group)], DELTA
    )
    assert ours == pytest.approx(theirs, rel=1e-2)
    assert ours <= theirs + 1e-6  # theirs is on a wider grid


def test_more_slices_of_a_patient_cost_more_but_less_than_if_all_were_always_drawn() -> None:
    sizes = (1, 2, 5, 20, 100)
    costs = [composed_epsilon([replace(TRAINING, group=k)], DELTA, grid=1e-3) for k in sizes]
    assert costs == sorted(costs)
    for size, cost in zip(sizes, costs, strict=True):
        assert cost < gaussian_epsilon(1.0 / size, 500, DELTA)


@given(noise=st.floats(0.3, 5), rate=st.floats(1e-3, 0.5), delta=st.floats(1e-9, 1e-3))
@settings(max_examples=25, deadline=None)
def test_one_step_costs_what_its_hockey_stick_divergence_says(
    noise: float, rate: float, delta: float
) -> None:
    def divergence(epsilon: float) -> float:
        cut = noise**2 * math.log1p(math.expm1(epsilon) / rate) + 0.5
        drawn, not_drawn = norm.sf((cut - 1) / noise), norm.sf(cut / noise)
        return float(rate * drawn + (1 - rate - math.exp(epsilon)) * not_drawn)

    spent = composed_epsilon(
        [Mechanism(noise_multiplier=noise, sample_rate=rate, steps=1)], delta, grid=1e-3
    )
    if divergence(1e-3) <= delta:
        assert spent <= 2e-3
    else:
        exact = brentq(lambda epsilon: divergence(epsilon) - delta, 1e-3, 200, xtol=1e-12)
        assert exact * (1 - 1e-9) <= spent <= exact * 1.01 + 1e-4


def test_a_finer_grid_only_lowers_epsilon() -> None:
    for parts in ([TRAINING], [TRAINING, OTHER], [replace(TRAINING, group=3), FULL]):
        costs = [composed_epsilon(parts, DELTA, grid=grid) for grid in (1e-2, 1e-3, FINE)]
        assert costs == sorted(costs, reverse=True)
        assert costs[0] == pytest.approx(costs[-1], rel=1e-3)


@pytest.mark.parametrize("parts", [[TRAINING], [OTHER], [TRAINING, OTHER]])
def test_epsilon_is_not_below_dp_accountings_lower_estimate(parts: list[Mechanism]) -> None:
    lower = None
    for each in parts:
        steps = from_gaussian_mechanism(
            each.noise_multiplier,
            sampling_prob=each.sample_rate,
            pessimistic_estimate=False,
            use_connect_dots=False,
            value_discretization_interval=2e-3,
        ).self_compose(each.steps, tail_mass_truncation=0)
        lower = steps if lower is None else lower.compose(steps, tail_mass_truncation=0)
    assert lower is not None
    estimate = lower.get_epsilon_for_delta(DELTA)
    assert estimate < composed_epsilon(parts, DELTA) < estimate + 1


@pytest.mark.parametrize("size", [1, 30])
def test_many_different_trainings_compose(size: int) -> None:
    trainings = [
        Mechanism(noise_multiplier=1 + 0.01 * nth, sample_rate=0.02, steps=50)
        for nth in range(size)
    ]
    alike = [replace(trainings[0], steps=50 * size)]
    together = composed_epsilon(trainings, DELTA, grid=1e-3)
    assert quick(replace(trainings[-1], steps=50 * size)) * 0.999 < together
    assert together <= composed_epsilon(alike, DELTA, grid=1e-3) * (1 + 1e-6)
