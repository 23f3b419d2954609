"""Every unit must come independently in every step, at the claimed rate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from probe_cases import RATE, STEPS, UNITS, alarms_at, caught, claim, drawn, p_of
from scipy.stats import binom

from workbench.auditing.finding import Finding
from workbench.auditing.probes.sampler_law import sampler_law, spread_law


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


def test_the_law_of_the_spread_has_mean_and_variance_of_binomial_counts() -> None:
    trials, rate, counts = 30, 0.1, 50
    law, each = spread_law(trials, rate, counts), binom(trials, rate)
    scores = np.square(np.arange(trials + 1) - each.mean()) / each.var()
    mean = float(scores @ each.pmf(np.arange(trials + 1)))
    square = float(np.square(scores) @ each.pmf(np.arange(trials + 1)))
    assert law.mean() == pytest.approx(counts * mean)
    assert law.var() == pytest.approx(counts * (square - mean**2))
