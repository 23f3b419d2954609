"""What is said of an attack: areas, rates, bounds, each against another way to compute it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ks_2samp
from sklearn.metrics import roc_auc_score, roc_curve

from workbench.auditing.membership.auc import auc
from workbench.auditing.membership.roc import POINTS, advantage, curve, rate_at
from workbench.auditing.membership.success import Success, success


def drawn(
    members: int, strangers: int, *, apart: float = 0.0, seed: int = 0, digits: int = 9
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of members, that lie so far above the strangers', in random order."""
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(members + strangers) < members)
    return np.round(generator.normal(apart * truth), digits), truth


def measured(scores: np.ndarray, members: np.ndarray) -> Success:
    return success(scores, members, delta=1e-5, confidence=0.95)


SAMPLES = st.builds(
    drawn,
    members=st.integers(2, 60),
    strangers=st.integers(2, 60),
    apart=st.floats(0, 3),
    seed=st.integers(0, 10_000),
    digits=st.sampled_from([0, 1, 9]),
)


@settings(max_examples=50, deadline=None)
@given(SAMPLES)
def test_the_area_is_that_of_scikit_learn_and_lies_in_its_interval(
    sample: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, members = sample
    found = auc(scores, members, confidence=0.95)
    assert found.value == pytest.approx(roc_auc_score(members, scores), abs=1e-6)
    assert 0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1


def test_the_interval_of_the_area_is_delongs() -> None:
    # The variance by its definition: every comparison of a member with a stranger by itself.
    scores, members = drawn(30, 40, apart=1.0, digits=1)
    inside, outside = scores[members], scores[~members]
    wins = (inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)
    variance = wins.mean(axis=1).var(ddof=1) / 30 + wins.mean(axis=0).var(ddof=1) / 40
    value = wins.mean()
    reach = 1.959963984540054 * np.sqrt(variance) / (value * (1 - value))
    odds = np.log(value / (1 - value)) + np.array([-reach, reach])
    found = auc(scores, members, confidence=0.95)
    assert [found.low, found.high] == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-6)


def test_the_interval_of_the_area_covers_the_truth_as_often_as_it_says() -> None:
    truth = 0.7602499389065233  # of two normal laws one standard deviation apart
    missed = 0
    for seed in range(400):
        found = auc(*drawn(40, 50, apart=1.0, seed=seed), confidence=0.95)
        missed += not found.low <= truth <= found.high
    assert binomtest(missed, 400, 0.05).pvalue > 1e-3


def test_perfect_scores_on_few_units_do_not_prove_a_perfect_attack() -> None:
    found = auc(np.arange(10.0), np.arange(10) >= 5, confidence=0.95)
    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 5))


@settings(max_examples=50, deadline=None)
@given(SAMPLES)
def test_the_curve_is_that_of_scikit_learn(sample: tuple[np.ndarray, np.ndarray]) -> None:
    scores, members = sample
    found = curve(scores, members, confidence=0.95)
    fpr, tpr, _ = roc_curve(members, scores, drop_intermediate=False)
    assert found.fpr == pytest.approx(fpr, abs=1e-12)
    assert found.tpr == pytest.approx(tpr, abs=1e-12)
    for point in {0, len(tpr) // 2, len(tpr) - 1}:
        exact = binomtest(round(tpr[point] * members.sum()), int(members.sum())).proportion_ci(0.95)
        band = found.low[point], found.high[point]
        assert band == pytest.approx((exact.low, exact.high), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(SAMPLES)
def test_the_rate_at_a_point_is_the_curves_last_one_before_it(
    sample: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, members = sample
    whole = curve(scores, members, confidence=0.95)
    for at in POINTS:
        rate = rate_at(at, scores, members, confidence=0.95)
        # Beyond a score that ties with the first one too many, nobody is counted.
        assert rate.value == pytest.approx(whole.tpr[whole.fpr <= at].max(), abs=1e-12)
        assert rate.low <= rate.value <= rate.high


@pytest.mark.parametrize(("strangers", "reliable"), [(299, [0]), (300, [1]), (3000, [1, 1])])
def test_a_low_rate_is_reliable_only_with_many_strangers(
    strangers: int, reliable: list[int]
) -> None:
    found = measured(*drawn(50, strangers)).rates
    assert [rate.at for rate in found] == [0.01, 0.001]
    assert [rate.reliable for rate in found] == [bool(each) for each in (*reliable, 0)[:2]]


@settings(max_examples=50, deadline=None)
@given(SAMPLES)
def test_the_advantage_is_the_largest_distance_of_two_distributions(
    sample: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, members = sample
    above, _ = advantage(scores, members, confidence=0.95)
    expected = ks_2samp(scores[members], scores[~members], alternative="less").statistic
    assert above == pytest.approx(expected, abs=1e-9)


def test_blind_scores_stay_below_what_chance_is_said_to_reach() -> None:
    beyond = 0
    for seed in range(400):
        above, by_chance = advantage(*drawn(300, 300, seed=seed), confidence=0.95)
        beyond += above > by_chance
    assert binomtest(beyond, 400, 0.05, alternative="greater").pvalue > 1e-3


def test_scores_that_know_everything_come_near_what_so_few_units_can_show() -> None:
    scores, members = drawn(500, 500, apart=100.0)
    found = measured(scores, members)
    assert 4 < found.epsilon_clopper_pearson < 6
    assert 4 < found.epsilon_steinke < 7
    assert [rate.value for rate in found.rates] == [1, 1]


def test_a_bound_does_not_rise_above_the_truth_more_often_than_it_says() -> None:
    # Randomised response: a unit's own bit, wrong with probability 1 / (1 + e), is 1-DP. A little
    # noise orders equal bits, which gives nothing away.
    above = {"epsilon_clopper_pearson": 0, "epsilon_steinke": 0}
    for seed in range(200):
        generator = np.random.default_rng(seed)
        members = generator.random(200) < 0.5
        told = members ^ (generator.random(200) < 1 / (1 + np.e))
        found = measured(told + generator.normal(0, 1e-3, 200), members)
        for name in above:
            above[name] += getattr(found, name) > 1
    for name, count in above.items():
        assert binomtest(count, 200, 0.05, alternative="greater").pvalue > 1e-3, name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), apart=st.floats(0.5, 4))
def test_better_scores_have_better_figures(seed: int, apart: float) -> None:
    scores, members = drawn(150, 150, seed=seed)
    found = [measured(scores + more * members, members) for more in (0, apart, 2 * apart)]
    for worse, better in itertools.pairwise(found):
        assert better.auc.value >= worse.auc.value
        assert better.advantage >= worse.advantage
        assert better.epsilon_steinke >= worse.epsilon_steinke
