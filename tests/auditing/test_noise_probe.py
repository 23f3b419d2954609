"""The noise must be independent, Gaussian, fresh, and no smaller than claimed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from probe_cases import CANARIES, NEVER, alarms_at, caught, claim, drawn, p_of

from workbench.auditing.probes.noise_law import lag_correlations, noise_law, too_little
from workbench.auditing.transcript import Transcript


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def p_values() -> dict[str, np.ndarray]:
    """Of every test on 250 transcripts of a correct mechanism."""
    rng = np.random.default_rng(3)
    rows = [
        {finding.test: finding.p_value for finding in noise_law(drawn(rng), claim())}
        for _ in range(250)
    ]
    return {test: np.array([row[test] for row in rows]) for test in rows[0]}


@pytest.mark.parametrize("level", [0.2, 0.05, 0.01])
def test_right_noise_is_called_wrong_no_more_often_than_stated(
    p_values: dict[str, np.ndarray], level: float
) -> None:
    for test, values in p_values.items():
        assert alarms_at(level, values) > 1e-5, test


def test_the_variance_test_is_exact(p_values: dict[str, np.ndarray]) -> None:
    assert abs(np.mean(p_values["noise-variance"] < 0.5) - 0.5) < 0.12


def test_one_percent_less_noise_is_more_telling_than_it_looks() -> None:
    squares = float(np.square(0.99 * np.random.default_rng(0).standard_normal(1_200_000)).sum())
    assert too_little(squares, 1_200_000) < NEVER
    assert too_little(squares / 0.985**2, 1_200_000) > 0.01


def test_too_little_is_the_chi_square_law() -> None:
    draws = np.square(np.random.default_rng(0).standard_normal((20_000, 5))).sum(axis=1)
    assert too_little(3.0, 5) == pytest.approx(np.mean(draws <= 3.0), abs=0.01)


def test_more_noise_than_claimed_breaks_no_promise(rng: Generator) -> None:
    found = noise_law(drawn(rng, noise=lambda shape: 1.3 * rng.standard_normal(shape)), claim())
    assert not caught(found)
    (variance,) = [finding for finding in found if finding.test == "noise-variance"]
    assert variance.measured == pytest.approx(1.3, abs=0.03)
    assert "more" in variance.says


def test_less_noise_does(rng: Generator) -> None:
    found = noise_law(drawn(rng, noise=lambda shape: 0.9 * rng.standard_normal(shape)), claim())
    assert "noise-variance" in caught(found)


def test_noise_of_the_right_size_with_other_tails_is_not_gaussian(rng: Generator) -> None:
    laplace = noise_law(
        drawn(rng, noise=lambda shape: rng.laplace(0, np.sqrt(0.5), shape)), claim()
    )
    flat = noise_law(drawn(rng, noise=lambda shape: rng.uniform(-(3**0.5), 3**0.5, shape)), claim())
    assert "noise-kurtosis" in caught(laplace)
    assert {"noise-kurtosis", "noise-tails"} <= caught(flat)


@pytest.mark.parametrize("period", [1, 7, 20])
def test_noise_that_comes_back_is_noticed_at_any_distance(rng: Generator, period: int) -> None:
    def repeated(shape: tuple[int, int]) -> np.ndarray:
        return np.resize(rng.standard_normal((period, shape[1])), shape)

    found = noise_law(drawn(rng, noise=repeated), claim())
    assert "noise-steps" in caught(found)


def test_one_number_for_several_coordinates_is_noticed(rng: Generator) -> None:
    def shared(shape: tuple[int, int]) -> np.ndarray:
        return np.repeat(rng.standard_normal((shape[0], shape[1] // 2)), 2, axis=1)

    assert "noise-coordinates" in caught(noise_law(drawn(rng, noise=shared), claim()))


def test_noise_common_to_all_coordinates_is_noticed_where_it_is_a_fiftieth(
    rng: Generator,
) -> None:
    def common(shape: tuple[int, int]) -> np.ndarray:
        return rng.standard_normal(shape) + 0.3 * rng.standard_normal((shape[0], 1))

    assert "noise-coordinates" in caught(noise_law(drawn(rng, noise=common), claim()))


def test_values_that_are_no_numbers_are_said_to_be_so_and_nothing_else(
    rng: Generator,
) -> None:
    transcript = drawn(rng)
    transcript.signals[3, CANARIES + 2] = np.nan
    (found,) = noise_law(transcript, claim())
    assert (found.test, found.p_value, found.measured) == ("noise-finite", 0.0, 1.0)


def test_no_noise_at_all_is_too_little(rng: Generator) -> None:
    found = noise_law(drawn(rng, noise=np.zeros), claim())
    assert {"noise-variance", "noise-kurtosis"} <= caught(found)


def test_a_single_step_has_nothing_to_be_compared_with(rng: Generator) -> None:
    one = drawn(rng, visits=rng.random((1, 200)) < 0.05)
    transcript = Transcript(
        signals=np.repeat(one.signals, 8, axis=1), members=one.members,
        included=one.included, visits=one.visits,
    )  # fmt: skip
    assert p_of(noise_law(transcript, claim()), "noise-steps") == 1


def test_lag_correlations_are_those_of_the_textbook() -> None:
    values = np.random.default_rng(5).standard_normal((60, 300))
    scores = lag_correlations(values)
    for lag in (1, 2, 30):
        products = values[lag:] * values[:-lag]
        wanted = products.sum() / (values.var() * np.sqrt(products.size))
        assert scores[lag - 1] == pytest.approx(wanted, rel=0.01, abs=0.01)
