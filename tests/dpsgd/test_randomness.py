import copy
import os
import pickle
import threading
from collections.abc import Callable

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_noise import gaussian_noise, round_to_grid
from scipy.stats import binom, chi2, kstest, norm

from workbench.dpsgd.normals import BLOCK
from workbench.dpsgd.randomness import (
    RandomStream,
    SecureStream,
    SeededStream,
)

MANY = 1_000_000
ALMOST_NEVER = 1e-6  # a correct stream fails a check once in a million runs
ONE_IN_A_MILLION = norm.isf(ALMOST_NEVER / 2)


@pytest.fixture(params=[SecureStream, lambda: SeededStream(3)], ids=["secure", "seeded"])
def stream(request: pytest.FixtureRequest) -> RandomStream:
    made: RandomStream = request.param()
    return made


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """In standard deviations of what independent values would show."""
    return abs(float(np.corrcoef(one, other)[0, 1])) * len(one) ** 0.5


def repeats(values: np.ndarray) -> int:
    """How many values came before; one in a million float64 may, by chance."""
    return values.size - len(np.unique(values))


def test_draws_follow_the_laws_they_are_named_after(stream: RandomStream) -> None:
    assert kstest(stream.uniform(MANY), "uniform").pvalue > ALMOST_NEVER
    assert kstest(stream.normal(MANY), "norm").pvalue > ALMOST_NEVER


def test_the_variance_of_normals_is_one(stream: RandomStream) -> None:
    squares = float((stream.normal(MANY) ** 2).sum())
    assert chi2.isf(1 - ALMOST_NEVER / 2, MANY) < squares < chi2.isf(ALMOST_NEVER / 2, MANY)


@pytest.mark.parametrize("beyond", [3, 4])
@pytest.mark.parametrize("side", [1, -1])
def test_the_tails_of_normals_have_their_weight(
    stream: RandomStream, beyond: int, side: int
) -> None:
    count = int((side * stream.normal(MANY) > beyond).sum())
    expected = binom(MANY, norm.sf(beyond))
    assert expected.cdf(count) > ALMOST_NEVER
    assert expected.sf(count - 1) > ALMOST_NEVER


@pytest.mark.parametrize("apart", [1, 2, 7, BLOCK // 2, BLOCK])
def test_values_know_nothing_of_values_drawn_later(stream: RandomStream, apart: int) -> None:
    values = stream.normal(MANY)
    assert correlation(values[:-apart], values[apart:]) < ONE_IN_A_MILLION
    # A radius shared by two values would show in their squares.
    assert correlation(values[:-apart] ** 2, values[apart:] ** 2) < ONE_IN_A_MILLION


def test_one_step_knows_nothing_of_the_next(stream: RandomStream) -> None:
    steps = np.array([stream.normal(1001) for _ in range(500)])
    assert correlation(steps[:-1].ravel(), steps[1:].ravel()) < ONE_IN_A_MILLION
    assert repeats(steps) < 2


@pytest.mark.parametrize("count", [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_as_many_values_come_as_were_asked_for(stream: RandomStream, count: int) -> None:
    for values in (stream.normal(count), stream.uniform(count)):
        assert values.shape == (count,)
        assert values.dtype == np.float64
        assert len(np.unique(values)) == count


def test_two_secure_streams_never_agree() -> None:
    one, other = SecureStream(), SecureStream()
    assert not np.any(one.normal(10_000) == other.normal(10_000))
    assert not np.any(one.uniform(10_000) == other.uniform(10_000))


def test_a_secure_stream_has_no_state_and_shows_nothing() -> None:
    stream = SecureStream()
    stream.normal(10)
    assert stream.state() is None
    assert repr(stream) == str(stream) == "SecureStream()"


@pytest.mark.parametrize(
    "copied", [pickle.dumps, copy.copy, copy.deepcopy], ids=lambda f: f.__name__
)
def test_a_secure_stream_cannot_be_written_down_or_copied(
    copied: Callable[[SecureStream], object],
) -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copied(SecureStream())


def test_a_secure_stream_cannot_travel_inside_something_else() -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        pickle.dumps({"noise": [SecureStream()]})


def drawn_in_a_forked_child(stream: SecureStream) -> np.ndarray:
    near, far = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(far, stream.normal(100).tobytes() + stream.uniform(100).tobytes())
        finally:
            os._exit(0)
    os.close(far)
    os.waitpid(child, 0)
    with os.fdopen(near, "rb") as pipe:
        return np.frombuffer(pipe.read())


def test_forked_children_agree_neither_with_their_parent_nor_with_each_other() -> None:
    stream = SecureStream()
    stream.normal(5)
    first, second = drawn_in_a_forked_child(stream), drawn_in_a_forked_child(stream)
    ours = np.concatenate([stream.normal(100), stream.uniform(100)])
    everything = np.concatenate([first, second, ours])
    assert len(everything) == len(np.unique(everything)) == 600


def test_a_child_can_draw_although_a_thread_was_drawing_when_it_was_forked() -> None:
    stream = SecureStream()
    with stream._lock:
        assert len(drawn_in_a_forked_child(stream)) == 200


def test_several_threads_may_draw_from_one_secure_stream() -> None:
    stream = SecureStream()
    drawn: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: drawn.append(stream.normal(200_000))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = np.concatenate(drawn)
    assert len(values) == 600_000
    assert repeats(values) < 2
    assert kstest(values, "norm").pvalue > ALMOST_NEVER


def test_a_seed_repeats_its_stream_and_another_seed_does_not() -> None:
    assert np.array_equal(SeededStream(4, 1).normal(1000), SeededStream(4, 1).normal(1000))
    assert not np.any(SeededStream(4, 1).normal(1000) == SeededStream(4, 2).normal(1000))


@given(parts=st.lists(st.integers(0, 3 * BLOCK), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_a_seeded_stream_gives_the_same_in_parts_as_in_one_go(parts: list[int], seed: int) -> None:
    for draw in (SeededStream.normal, SeededStream.uniform):
        stream = SeededStream(seed)
        in_parts = np.concatenate([draw(stream, part) for part in parts])
        assert np.array_equal(in_parts, draw(SeededStream(seed), sum(parts)))


@given(normals=st.integers(0, 50), uniforms=st.integers(0, 50), seed=st.integers(0, 99))
def test_a_seeded_stream_goes_on_from_its_state(normals: int, uniforms: int, seed: int) -> None:
    stream = SeededStream(seed, 2)
    stream.normal(normals)
    stream.uniform(uniforms)
    resumed = SeededStream.resume(stream.state())
    assert np.array_equal(stream.normal(50), resumed.normal(50))
    assert np.array_equal(stream.uniform(50), resumed.uniform(50))


def test_the_state_of_a_seeded_stream_fits_any_message_format() -> None:
    stream = SeededStream(1)
    stream.normal(3)
    packed = msgpack.packb(stream.state())
    assert msgpack.unpackb(packed) == stream.state()
    assert len(packed) < 250


@given(std=st.floats(1e-6, 1e3), seed=st.integers(0, 100))
def test_rounding_moves_nothing_by_more_than_a_millionth_of_the_noise(
    std: float, seed: int
) -> None:
    values = gaussian_noise(SeededStream(seed), 100, std)
    rounded = round_to_grid(values, std)
    assert np.abs(rounded - values).max() <= std * 2.0**-20
    assert np.array_equal(round_to_grid(rounded, std), rounded)
