import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from workbench.dpsgd.randomness import (
    RandomStream,
    SecureStream,
    SeededStream,
    gaussian_noise,
    round_to_grid,
)
from workbench.dpsgd.sampler import Units, draw_records

STREAMS = [SecureStream(), SeededStream(3)]


@pytest.mark.parametrize("stream", STREAMS, ids=["secure", "seeded"])
def test_draws_follow_the_laws_they_are_named_after(stream: RandomStream) -> None:
    assert kstest(stream.uniform(20_000), "uniform").pvalue > 1e-6
    assert kstest(stream.normal(20_000), "norm").pvalue > 1e-6


def test_two_secure_streams_never_agree_and_hide_their_state() -> None:
    one, other = SecureStream(), SecureStream()
    assert not np.any(one.normal(100) == other.normal(100))
    assert one.state() is None


def test_a_seeded_stream_goes_on_from_its_state() -> None:
    stream = SeededStream(1, 2)
    stream.normal(7)
    resumed = SeededStream.resume(stream.state())
    assert np.array_equal(stream.normal(50), resumed.normal(50))


@given(std=st.floats(1e-6, 1e3), seed=st.integers(0, 100))
def test_rounding_moves_nothing_by_more_than_a_millionth_of_the_noise(
    std: float, seed: int
) -> None:
    values = gaussian_noise(SeededStream(seed), 100, std)
    rounded = round_to_grid(values, std)
    assert np.abs(rounded - values).max() <= std * 2.0**-20
    assert np.array_equal(round_to_grid(rounded, std), rounded)


def test_poisson_sampling_includes_each_unit_independently_at_the_stated_rate() -> None:
    units = Units.of(np.repeat([f"p{i}" for i in range(50)], 3), "patient")
    stream = SeededStream(5)
    draws = [np.unique(units.of_record[draw_records(units, 0.2, stream)]) for _ in range(2000)]
    sizes = np.array([len(draw) for draw in draws])
    counts = np.bincount(np.concatenate(draws), minlength=50)
    assert sizes.mean() == pytest.approx(10, abs=0.4)
    assert sizes.var() == pytest.approx(50 * 0.2 * 0.8, rel=0.15)  # a fixed batch would have 0
    assert np.abs(counts - 400).max() < 5 * (2000 * 0.2 * 0.8) ** 0.5


def test_a_patient_comes_with_all_slices_or_with_none() -> None:
    patients = np.array(["b", "a", "b", "c", "a", "b"])
    units = Units.of(patients, "patient")
    stream = SeededStream(0)
    for _ in range(50):
        drawn = patients[draw_records(units, 0.5, stream)]
        for patient in np.unique(drawn):
            assert (drawn == patient).sum() == (patients == patient).sum()
        assert list(drawn) == sorted(drawn)


def test_full_rate_draws_everybody() -> None:
    units = Units.of(np.array(["a", "b", "a"]), "slice")
    assert len(draw_records(units, 1.0, SecureStream())) == 3


def test_the_state_of_a_seeded_stream_fits_any_message_format() -> None:
    stream = SeededStream(1)
    stream.normal(3)
    assert msgpack.unpackb(msgpack.packb(stream.state())) == stream.state()
