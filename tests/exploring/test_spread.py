"""Intervals over seeds: they hold as often as they say, and say no more with few seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from workbench.exploring.spread import spread

ANYWHERE = (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "one seed"), (2, "range of 2 seeds"), (3, "95 % t interval, 3 seeds"),
        (6, "95 % rank interval of the median, 6 seeds"),
    ],
)  # fmt: skip
def test_an_interval_says_what_it_is(count: int, words: str) -> None:
    assert spread([0.5] * count, (0, 1)).words == words


def test_two_seeds_give_their_range() -> None:
    assert spread([0.7, 0.4], (0, 1))[:3] == (pytest.approx(0.55), 0.4, 0.7)


def test_three_seeds_give_students_interval() -> None:
    scores = [0.70, 0.74, 0.72]
    expected = t.interval(0.95, 2, loc=np.mean(scores), scale=0.02 / np.sqrt(3))
    assert spread(scores, (0, 1))[1:3] == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_median_lies_inside_and_the_interval_inside_its_bounds(scores: list[float]) -> None:
    found = spread(scores, (0, 1))
    assert 0 <= found.low <= found.median + 1e-12
    assert found.median - 1e-12 <= found.high <= 1


@pytest.mark.parametrize(("count", "draws"), [(3, "normal"), (5, "normal"), (9, "exponential")])
def test_it_holds_the_true_median_as_often_as_it_says(count: int, draws: str) -> None:
    random = np.random.default_rng(0)
    median = {"normal": 0.0, "exponential": np.log(2)}[draws]
    samples = getattr(random, f"standard_{draws}")((4000, count))
    found = [spread(sample, ANYWHERE) for sample in samples]
    holds = np.mean([one.low <= median <= one.high for one in found])
    assert holds > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 4000)
    assert draws != "normal" or holds < 0.97
