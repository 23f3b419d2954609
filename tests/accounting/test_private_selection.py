"""The best of a random number of trainings: what showing only that one costs."""

import math
from itertools import islice

import mpmath
import numpy as np
import pytest
from dp_accounting import dp_event
from dp_accounting.rdp import RdpAccountant
from dp_accounting.rdp.rdp_privacy_accountant import compute_delta
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import binom, norm

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.gaussian import gaussian_delta
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import noise_for
from workbench.accounting.selection.counts import (
    KINDS,
    NegativeBinomial,
    Poisson,
    RunCount,
    draw_runs,
    negative_binomial,
    run_count,
)
from workbench.accounting.selection.renyi import ORDERS, renyi_divergences, worst_divergences
from workbench.accounting.selection.selection import (
    CONDITIONS,
    best_of_epsilon,
    epsilon_at,
    select_best,
    selection_epsilon,
)
from workbench.accounting.selection.theorems import best_of_negative_binomial, best_of_poisson
from workbench.errors import BadInput

DELTA = 1e-5
TRAINING = Mechanism(noise_multiplier=4.3, sample_rate=0.05, steps=500)
FEW = 1 + np.geomspace(0.05, 200, 30)

SHAPES = st.sampled_from([-0.5, 0.0, 0.5, 1.0, 2.0])
MEANS = st.just(1.0) | st.floats(1.001, 60)
COUNTS = st.builds(lambda shape, mean: negative_binomial(shape=shape, mean=mean), SHAPES, MEANS)
LAWS = st.lists(st.floats(0.02, 1), min_size=4, max_size=4)


# Independent of the package: the winner of a mechanism with finitely many outcomes, exactly.


def generating(count: RunCount, x: np.ndarray) -> np.ndarray:
    """E[x^K] in closed form."""
    if isinstance(count, Poisson):
        return np.exp(count.mean * (x - 1))
    if count.gamma == 1:
        return x
    if count.shape == 0:
        return np.log(1 - (1 - count.gamma) * x) / math.log(count.gamma)
    power = (1 - (1 - count.gamma) * x) ** -count.shape
    return (power - 1) / (count.gamma**-count.shape - 1)


def winner(law: np.ndarray, count: RunCount) -> np.ndarray:
    """Masses of the best outcome, the last one being the best; first that there was no run."""
    reached = np.concatenate(([0.0], np.cumsum(law)))
    reached[-1] = 1.0
    below = generating(count, reached)
    return np.diff(below, prepend=0.0)


def divergence(p: np.ndarray, q: np.ndarray, order: float) -> float:
    some = p > 0
    return float(logsumexp(order * np.log(p[some]) + (1 - order) * np.log(q[some])) / (order - 1))


def both_ways(p: np.ndarray, q: np.ndarray, orders: np.ndarray) -> np.ndarray:
    return np.array([max(divergence(p, q, a), divergence(q, p, a)) for a in orders])


def hockey_stick(p: np.ndarray, q: np.ndarray, epsilon: float) -> float:
    ways = [np.maximum(a - math.exp(epsilon) * b, 0).sum() for a, b in ((p, q), (q, p))]
    return float(max(ways))


def neighbours(first: list[float], second: list[float]) -> tuple[np.ndarray, np.ndarray]:
    p, q = np.array(first), np.array(second)
    return p / p.sum(), q / q.sum()


@given(LAWS, LAWS, COUNTS)
@settings(max_examples=40, deadline=None)
def test_no_winner_tells_more_than_theorem_2_allows(
    first: list[float], second: list[float], count: NegativeBinomial
) -> None:
    p, q = neighbours(first, second)
    exact = both_ways(winner(p, count), winner(q, count), FEW)
    bound = best_of_negative_binomial(both_ways(p, q, FEW), count, FEW)
    assert (exact <= bound + 1e-9).all()


@given(LAWS, LAWS, MEANS)
@settings(max_examples=40, deadline=None)
def test_no_winner_tells_more_than_theorem_6_allows(
    first: list[float], second: list[float], mean: float
) -> None:
    p, q = neighbours(first, second)
    count = Poisson(mean=mean)
    hats = np.array([hockey_stick(p, q, math.log1p(1 / (order - 1))) for order in FEW])
    exact = both_ways(winner(p, count), winner(q, count), FEW)
    assert (exact <= best_of_poisson(both_ways(p, q, FEW), hats, count, FEW) + 1e-9).all()


@given(epsilon=st.floats(0.05, 3), shape=SHAPES, mean=MEANS)
@settings(max_examples=40, deadline=None)
def test_the_best_of_randomised_responses_costs_two_plus_shape_times_one(
    epsilon: float, shape: float, mean: float
) -> None:
    count = negative_binomial(shape=shape, mean=mean)
    yes = 1 / (1 + math.exp(-epsilon))
    p, q = np.array([yes, 1 - yes]), np.array([1 - yes, yes])
    with_it, without = winner(p, count)[1:], winner(q, count)[1:]
    bound = best_of_negative_binomial(np.array([epsilon]), count, np.array([1e9]))[0]
    # Corollary 3, and where hardly more than one run is made, less.
    few = epsilon + (1 + shape) * math.log(1 / count.gamma)
    assert bound == pytest.approx(min((2 + shape) * epsilon, few), abs=1e-6)
    assert np.abs(np.log(with_it / without)).max() <= bound + 1e-6


@given(rho=st.floats(1e-3, 0.5), shape=SHAPES, gamma=st.floats(0.005, 0.5))
@settings(max_examples=40, deadline=None)
def test_concentrated_privacy_has_a_closed_form(rho: float, shape: float, gamma: float) -> None:
    count = NegativeBinomial(shape=shape, gamma=gamma)
    runs, least = math.log(1 / gamma), math.log(count.mean)
    orders = 1 + np.geomspace(1e-2, 300, 4000)
    found = best_of_negative_binomial(rho * orders, count, orders)
    toll = 2 * (1 + shape) * math.sqrt(rho * runs) - (1 + shape) * rho
    lowest = 1 + math.sqrt(least / rho)  # Corollary 4
    closed = rho * lowest + toll + least / (lowest - 1)
    assert found[np.searchsorted(orders, lowest)] == pytest.approx(closed, rel=1e-3)


@pytest.mark.parametrize("shape", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("mean", [1.0, 2.5, 40.0])
def test_theorem_2_is_that_of_dp_accounting(shape: float, mean: float) -> None:
    accountant = RdpAccountant(orders=FEW.tolist())
    accountant.compose(dp_event.RepeatAndSelectDpEvent(dp_event.GaussianDpEvent(3.0), mean, shape))
    count = negative_binomial(shape=shape, mean=mean)
    ours = best_of_negative_binomial(FEW / 18, count, FEW)
    if mean > 1:  # with one run theirs does not look at the order 1, and is higher
        assert ours == pytest.approx(accountant.rdp, rel=1e-6)
    assert (ours <= accountant.rdp * (1 + 1e-6)).all()


@pytest.mark.parametrize("mean", [1.0, 2.5, 40.0])
def test_theorem_6_is_that_of_dp_accounting(mean: float) -> None:
    accountant = RdpAccountant(orders=FEW.tolist())
    event = dp_event.GaussianDpEvent(3.0)
    accountant.compose(dp_event.RepeatAndSelectDpEvent(event, mean, math.inf))
    one = (FEW / 18).tolist()
    hats = [compute_delta(FEW.tolist(), one, math.log1p(1 / (a - 1)))[0] for a in FEW]
    ours = best_of_poisson(FEW / 18, np.array(hats), Poisson(mean=mean), FEW)
    theirs = np.minimum.accumulate(accountant.rdp[::-1])[::-1]
    assert ours == pytest.approx(theirs, rel=1e-9)


# From another implementation of both theorems, with other orders and another search.
@pytest.mark.parametrize(
    ("target", "geometric", "logarithmic", "half", "poisson"),
    [(1.0, 2.51, 2.05, 1.77, 2.83), (2.0, 4.71, 3.90, 3.43, 5.47)],
)
def test_twenty_trainings_cost_what_another_implementation_says(
    target: float, geometric: float, logarithmic: float, half: float, poisson: float
) -> None:
    noise = noise_for(target_epsilon=target, sample_rate=0.05, steps=500, delta=DELTA)
    one = Mechanism(noise_multiplier=noise, sample_rate=0.05, steps=500)
    counts = [run_count(kind, 20) for kind in ("geometric", "logarithmic", "poisson")]
    counts.append(negative_binomial(shape=-0.5, mean=20))
    found = [selection_epsilon(one, count, DELTA) for count in counts]
    assert found == pytest.approx([geometric, logarithmic, poisson, half], abs=0.012)


@pytest.mark.parametrize("count", [run_count(kind, 10) for kind in KINDS], ids=KINDS)
@pytest.mark.parametrize(("noise", "rate"), [(2.0, 1.0), (1.0, 0.2)])
def test_the_winner_of_noisy_answers_keeps_the_promise_with_something_to_spare(
    count: RunCount, noise: float, rate: float
) -> None:
    """The answer is its own score: exact law of the winner on a fine grid, best high or low."""
    cells = np.linspace(-12 * noise, 12 * noise + 1, 40_001)
    without = np.diff(norm.cdf(cells / noise))
    with_it = (1 - rate) * without + rate * np.diff(norm.cdf((cells - 1) / noise))
    one = Mechanism(noise_multiplier=noise, sample_rate=rate, steps=1)
    epsilon = selection_epsilon(one, count, 1e-3)
    spent = [
        [hockey_stick(winner(with_it[::way], count), winner(without[::way], count), e)
         for way in (1, -1)]
        for e in (epsilon, epsilon / 4)
    ]  # fmt: skip
    assert max(spent[0]) <= 1e-3
    assert max(spent[1]) > 1e-3  # so that the bound is not a void one


@given(
    st.floats(0.6, 8), st.floats(0.01, 0.4) | st.just(1.0), st.integers(1, 400), SHAPES, MEANS
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_more_runs_cost_more_and_none_less_than_one_run(
    noise: float, rate: float, steps: int, shape: float, mean: float
) -> None:
    one = Mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)
    means = (1.0, mean, mean + 1, 10 * mean)
    costs = [selection_epsilon(one, negative_binomial(shape=shape, mean=m), DELTA) for m in means]
    assert costs == sorted(costs)
    assert costs[0] >= composed_epsilon([one], DELTA)
    assert costs[0] == pytest.approx(epsilon_at(renyi_divergences(one), DELTA))


def test_more_poisson_runs_cost_more_and_none_less_than_one_run() -> None:
    costs = [selection_epsilon(TRAINING, Poisson(mean=m), DELTA) for m in (1.0, 3.0, 10.0, 40.0)]
    assert costs == sorted(costs)
    assert costs[0] >= composed_epsilon([TRAINING], DELTA)


@pytest.mark.parametrize(("noise", "mean"), [(2.0, 10.0), (0.7, 3.0), (10.0, 200.0)])
def test_poisson_runs_at_full_batch_cost_what_the_exact_delta_hat_says(
    noise: float, mean: float
) -> None:
    orders = 1 + np.geomspace(0.02, 1e4, 2000)
    hats = np.array([gaussian_delta(math.log1p(1 / (a - 1)), 1 / noise) for a in orders])
    exact = best_of_poisson(orders / (2 * noise**2), hats, Poisson(mean=mean), orders)
    one = Mechanism(noise_multiplier=noise, sample_rate=1.0, steps=1)
    found = selection_epsilon(one, Poisson(mean=mean), DELTA)
    least = epsilon_at(exact, DELTA, orders)
    assert least <= found <= 1.01 * least


def test_a_smaller_delta_costs_more() -> None:
    deltas = (1e-3, 1e-5, 1e-8)
    for kind in KINDS:
        costs = [selection_epsilon(TRAINING, run_count(kind, 8), delta) for delta in deltas]
        assert costs == sorted(costs)


def test_many_runs_are_cheaper_hidden_than_shown_and_two_are_not_by_every_distribution() -> None:
    geometric = [selection_epsilon(TRAINING, run_count("geometric", n), DELTA) for n in (2, 50)]
    shown = [composed_epsilon([TRAINING] * n, DELTA) for n in (2, 50)]
    assert geometric[1] < shown[1] / 2
    assert geometric[0] > shown[0]


def test_among_different_candidates_the_dearest_counts() -> None:
    cheap = Mechanism(noise_multiplier=9.0, sample_rate=0.05, steps=400)
    other = Mechanism(noise_multiplier=20.0, sample_rate=1.0, steps=9)
    count = run_count("logarithmic", 5)
    dear = selection_epsilon(TRAINING, count, DELTA)
    assert best_of_epsilon([cheap, TRAINING, cheap], count, DELTA) == dear
    both = best_of_epsilon([other, TRAINING], count, DELTA)
    assert both >= max(dear, selection_epsilon(other, count, DELTA))
    assert (worst_divergences([other, TRAINING]) >= renyi_divergences(other)).all()


def test_without_noise_no_distribution_helps_and_without_steps_none_is_needed() -> None:
    for kind in KINDS:
        count = run_count(kind, 4)
        bare = Mechanism(noise_multiplier=0.0, sample_rate=0.1, steps=1)
        assert best_of_epsilon([TRAINING, bare], count, DELTA) == math.inf
        assert "No privacy guarantee" in str(
            select_best([bare], count, delta=DELTA, unit="patient").guarantee
        )
    nothing = Mechanism(noise_multiplier=1.0, sample_rate=0.1, steps=0)
    assert (renyi_divergences(nothing) == 0).all()


@pytest.mark.parametrize("count", [run_count("geometric", 7), run_count("logarithmic", 30),
                                   negative_binomial(shape=-0.5, mean=9), Poisson(mean=4.0),
                                   negative_binomial(shape=2.5, mean=12),
                                   NegativeBinomial(shape=0.0, gamma=1.0)], ids=str)  # fmt: skip
def test_the_number_of_runs_is_drawn_from_its_distribution(count: RunCount) -> None:
    known = list(islice(count.masses(), 10_000))
    assert math.fsum(mass for _, mass in known) == pytest.approx(1, abs=1e-9)
    assert math.fsum(n * mass for n, mass in known) == pytest.approx(count.mean, rel=1e-6)
    x = np.array([0.3, 0.9])
    series = sum(mass * x**number for number, mass in known)
    assert series == pytest.approx(generating(count, x), abs=1e-9)

    chances = (np.arange(4000) + 0.5) / 4000
    drawn = np.array([draw_runs(count, float(chance)) for chance in chances])
    for number, mass in known[:8]:
        assert np.mean(drawn == number) == pytest.approx(mass, abs=1 / 4000)
    assert draw_runs(count, 1 - 2**-53) >= drawn.max()


def test_without_a_chance_given_the_number_of_runs_cannot_be_foreseen() -> None:
    count = run_count("geometric", 1000)
    assert len({draw_runs(count) for _ in range(50)}) > 25


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mean", [1.0, 1.5, 20.0, 5e3])
def test_a_distribution_is_named_with_the_runs_to_expect(kind: str, mean: float) -> None:
    count = run_count(kind, mean)
    assert count.mean == pytest.approx(mean, rel=1e-9)
    assert kind in str(count).lower()


# Integer orders only: at fractional ones dp-accounting's bound is up to two fifths too high.
@pytest.mark.parametrize(
    ("noise", "rate"), [(1.0, 0.05), (0.5, 0.3), (5.0, 0.01), (2.0, 0.9), (0.2, 0.01)]
)
def test_one_step_diverges_as_in_dp_accounting(noise: float, rate: float) -> None:
    orders = np.array([2.0, 3.0, 5.0, 12.0, 40.0, 150.0])
    accountant = RdpAccountant(orders=orders.tolist())
    event = dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(noise))
    accountant.compose(dp_event.SelfComposedDpEvent(event, 10))
    one = Mechanism(noise_multiplier=noise, sample_rate=rate, steps=10)
    assert renyi_divergences(one, orders) == pytest.approx(accountant.rdp, rel=1e-8)


@pytest.mark.parametrize(("noise", "rate", "group"), [(1.0, 0.05, 1), (2.0, 0.1, 4)])
@pytest.mark.parametrize("order", [1.05, 1.7, 6.3])
def test_one_step_diverges_as_integrated_in_many_digits(
    noise: float, rate: float, group: int, order: float
) -> None:
    weights = [mpmath.mpf(float(w)) for w in binom.pmf(range(group + 1), group, rate)]

    def moment(x: mpmath.mpf, power: float) -> mpmath.mpf:
        shifts = [mpmath.mpf(k) / noise for k in range(group + 1)]
        ratio = sum(w * mpmath.exp(s * x - s * s / 2) for w, s in zip(weights, shifts, strict=True))
        return mpmath.npdf(x) * ratio**power

    places = [-20, -8, 0, 4, 8, 16, 32]
    powers = (order, 1 - order)
    moments = [mpmath.quad(lambda x, p=p: moment(x, p), places) for p in powers]
    exact = float(mpmath.log(max(moments)) / (order - 1))
    one = Mechanism(noise_multiplier=noise, sample_rate=rate, steps=1, group=group)
    found = renyi_divergences(one, np.array([order]))[0]
    assert exact <= found <= exact * (1 + 1e-8)


def test_full_batches_have_a_closed_form_and_sampling_helps() -> None:
    full = Mechanism(noise_multiplier=3.0, sample_rate=1.0, steps=7, group=2)
    assert renyi_divergences(full) == pytest.approx(7 * ORDERS * (2 / 3) ** 2 / 2)
    sampled = Mechanism(noise_multiplier=3.0, sample_rate=0.5, steps=7, group=2)
    assert (renyi_divergences(sampled) <= renyi_divergences(full)).all()
    assert renyi_divergences(sampled)[0] < renyi_divergences(full)[0] / 2


def test_what_is_almost_never_drawn_still_counts_at_high_orders() -> None:
    """All 400 units have a chance of 1e-2400, which no float holds, and decide at order 200."""
    many = Mechanism(noise_multiplier=40.0, sample_rate=1e-6, steps=1, group=400)
    order, shift = 200.0, 10.0
    alone = (order * 400 * math.log(1e-6) + order * (order - 1) * shift**2 / 2) / (order - 1)
    assert renyi_divergences(many, np.array([order]))[0] >= alone > 4000


def test_a_selection_says_what_it_rests_on() -> None:
    said = str(select_best([TRAINING], run_count("geometric", 20), delta=DELTA, unit="patient"))
    assert said.startswith("(2.52, 1e-05)-DP per patient, add or remove one, best of a random")
    assert "geometric distribution, 20 expected" in said
    assert "Papernot, Steinke 2022" in said
    assert all(condition in said for condition in CONDITIONS)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: run_count("geometric", 0.5), "mean"),
        (lambda: run_count("binomial", 5), "kind"),
        (lambda: Poisson(mean=math.inf), "mean"),
        (lambda: negative_binomial(shape=-1, mean=5), "shape"),
        (lambda: negative_binomial(shape=-0.999, mean=1e4), "shape"),
        (lambda: NegativeBinomial(shape=0, gamma=0), "gamma"),
        (lambda: draw_runs(Poisson(mean=2), 1.0), "chance"),
        (lambda: selection_epsilon(TRAINING, Poisson(mean=2), 0.0), "delta"),
        (lambda: best_of_epsilon([], Poisson(mean=2), DELTA), "candidates"),
    ],
)
def test_what_cannot_be_is_refused(wrong: object, field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        wrong()  # type: ignore[operator]
    assert refusal.value.field == field
