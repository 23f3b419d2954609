"""The books: steps, the divisor, the level of the canaries."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from probe_cases import CANARIES, STEPS, alarms_at, caught, claim, drawn, p_of

from workbench.auditing.probes.reconcile import reconcile
from workbench.auditing.transcript import Transcript


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(11)


def with_signals(transcript: Transcript, signals: np.ndarray) -> Transcript:
    return Transcript(
        signals=signals,
        members=transcript.members,
        included=transcript.included,
        visits=transcript.visits,
    )


def test_a_step_more_than_charged_is_no_accident_and_one_less_no_harm(
    rng: Generator,
) -> None:
    transcript = drawn(rng)
    assert p_of(reconcile(transcript, claim(steps=STEPS - 1)), "steps-charged") == 0
    assert p_of(reconcile(transcript, claim(steps=STEPS)), "steps-charged") == 1
    assert p_of(reconcile(transcript, claim(steps=STEPS + 1)), "steps-charged") == 1


@pytest.mark.parametrize("test", ["divisor-constant", "canary-level"])
def test_a_right_transcript_is_called_wrong_no_more_often_than_stated(
    rng: Generator, test: str
) -> None:
    p_values = np.array([p_of(reconcile(drawn(rng), claim()), test) for _ in range(250)])
    for level in (0.2, 0.05, 0.01):
        assert alarms_at(level, p_values) > 1e-5


@pytest.mark.parametrize("power", [-1.0, 0.5])
def test_noise_that_follows_the_number_drawn_is_caught_and_its_power_measured(
    rng: Generator,
    power: float,
) -> None:
    transcript = drawn(rng)
    drawn_units = np.maximum(transcript.drawn, 1)[:, None]
    scaled = with_signals(transcript, transcript.signals * (drawn_units / 10.0) ** power)
    (slope,) = [f for f in reconcile(scaled, claim()) if f.test == "divisor-constant"]
    assert slope.p_value < 1e-9
    assert slope.measured == pytest.approx(power, abs=0.1)


def test_canaries_above_the_norm_are_caught_and_below_it_are_not(rng: Generator) -> None:
    transcript = drawn(rng)
    for level, test_fails in ((2.5, True), (0.2, False)):
        signals = transcript.signals.copy()
        signals[:, :CANARIES] += (level - 1) * transcript.included
        found = reconcile(with_signals(transcript, signals), claim())
        assert ("canary-level" in caught(found)) == test_fails


def test_where_everybody_always_comes_nothing_depends_on_who_does(rng: Generator) -> None:
    transcript = drawn(rng, visits=np.ones((STEPS, 200), dtype=bool))
    assert p_of(reconcile(transcript, claim(sample_rate=1.0)), "divisor-constant") == 1


def test_values_that_are_no_numbers_leave_numbers_in_the_findings(rng: Generator) -> None:
    transcript = drawn(rng)
    transcript.signals[:] = np.nan
    for finding in reconcile(transcript, claim()):
        assert np.isfinite([finding.p_value, finding.measured]).all()
