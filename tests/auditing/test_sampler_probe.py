"""Every unit must come independently in every step, at the claimed rate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from probe_cases import RATE, STEPS, UNITS, alarms_at, caught, claim, drawn, p_of
from scipy.stats import binom

from workbench.auditing.finding import Finding
from workbench.auditing.probes.sampler_law import sampler_law, spread_p_value


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(11)


def found_in(visits: np.ndarray, rate: float = RATE) -> tuple[Finding, ...]:
    return sampler_law(
        drawn(np.random.default_rng(0), visits=visits), claim(sample_rate=rate, steps=len(visits))
    )


def poisson(
    rng: Generator, steps: int = STEPS, units: int = UNITS, rate: float = RATE
) -> np.ndarray:
    return rng.random((steps, units)) < rate


@pytest.mark.parametrize(
    ("steps", "units", "rate"), [(STEPS, UNITS, RATE), (20, 64, 0.5), (200, 60, 0.01)]
)
def test_right_draws_are_called_wrong_no_more_often_than_stated(
    rng: Generator, steps: int, units: int, rate: float
) -> None:
    rows = [
        {
            finding.test: finding.p_value
            for finding in found_in(poisson(rng, steps, units, rate), rate)
        }
        for _ in range(250)
    ]
    for test in rows[0]:
        for level in (0.2, 0.05, 0.01):
            assert alarms_at(level, np.array([row[test] for row in rows])) > 1e-5, (test, level)


def test_a_shuffle_is_caught_within_two_epochs(rng: Generator) -> None:
    batches = round(1 / RATE)
    turns = rng.permuted(np.tile(np.arange(UNITS) % batches, (2, 1)), axis=1)
    visits = (turns[:, None] == np.arange(batches)[:, None]).reshape(-1, UNITS)
    found = found_in(visits)
    assert {"epoch-repeats", "batch-spread", "inclusion-spread"} <= caught(found)
    (repeats,) = [finding for finding in found if finding.test == "epoch-repeats"]
    assert repeats.measured == 0
    assert "shuffle" in repeats.says


def test_batches_of_one_size_are_too_even(rng: Generator) -> None:
    visits = np.zeros((STEPS, UNITS), dtype=bool)
    for step in visits:
        step[rng.choice(UNITS, round(UNITS * RATE), replace=False)] = True
    assert caught(found_in(visits)) == {"batch-spread"}


def test_a_rate_that_is_half_as_high_again_is_caught_and_a_lower_one_breaks_no_promise(
    rng: Generator,
) -> None:
    assert "inclusion-rate" in caught(found_in(poisson(rng, rate=1.5 * RATE)))
    assert p_of(found_in(poisson(rng, rate=0.5 * RATE)), "inclusion-rate") > 0.99


def test_units_that_come_more_often_than_others_are_caught(rng: Generator) -> None:
    weights = np.linspace(0.2, 1.8, UNITS) * RATE
    found = found_in(rng.random((4 * STEPS, UNITS)) < weights)
    assert "inclusion-spread" in caught(found)
    assert p_of(found, "inclusion-rate") > 1e-6


def test_one_decision_for_two_units_is_caught(rng: Generator) -> None:
    pairs = np.repeat(poisson(rng, 4 * STEPS, UNITS // 2), 2, axis=1)
    assert "sampler-units" in caught(found_in(pairs))


def test_units_that_stay_for_two_steps_are_caught(rng: Generator) -> None:
    assert "sampler-steps" in caught(found_in(np.repeat(poisson(rng), 2, axis=0)))


def test_with_everybody_in_every_step_there_is_no_chance_to_test() -> None:
    found = found_in(np.ones((STEPS, UNITS), dtype=bool), rate=1.0)
    assert all(finding.p_value == 1 for finding in found)


def test_a_training_shorter_than_an_epoch_is_tested_for_repeats_too(
    rng: Generator,
) -> None:
    turn = rng.permutation(UNITS) % 20
    visits = turn == np.arange(15)[:, None]
    assert p_of(found_in(visits), "epoch-repeats") < 1e-6


def test_the_spread_is_tested_by_its_exact_law() -> None:
    """Two counts of three trials, all sixteen outcomes written down."""
    rate, scores = 0.3, np.square(np.arange(4) - 0.9) / 0.63
    chances = np.outer(binom.pmf(range(4), 3, rate), binom.pmf(range(4), 3, rate))
    sums = scores[:, None] + scores
    for first in range(4):
        for second in range(4):
            below = chances[sums <= sums[first, second] + 1e-9].sum()
            above = chances[sums >= sums[first, second] - 1e-9].sum()
            wanted = min(1, 2 * min(below, above))
            assert spread_p_value(np.array([first, second]), 3, rate) == pytest.approx(wanted)


@pytest.mark.parametrize(("trials", "rate", "counts"), [(30, 0.05, 40), (650, 0.05, 60)])
def test_both_tails_of_the_spread_are_no_likelier_than_stated(
    rng: Generator, trials: int, rate: float, counts: int
) -> None:
    drawn_counts = rng.binomial(trials, rate, (4000, counts))
    p_values = np.array([spread_p_value(each, trials, rate) for each in drawn_counts])
    for level in (0.1, 0.01, 0.001):
        assert alarms_at(level, p_values) > 1e-4
    assert np.mean(p_values < 0.1) > 0.07


def test_a_spread_beyond_all_measure_has_the_smallest_p_value_there_is() -> None:
    assert spread_p_value(np.full(50, 30), 30, 0.05) == pytest.approx(1e-13)
