import gc
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from workbench.dpsgd.noise import NoiseSource
from workbench.dpsgd.randomness import SecureStream, SeededStream


def seeded(seed: int, std: float, count: int) -> torch.Tensor:
    return filled(SeededStream(seed), std, count)


def filled(stream: SeededStream, std: float, count: int) -> torch.Tensor:
    flat = torch.empty(count)
    source = NoiseSource(stream, std)
    source.begin(flat)
    source.wait()
    return flat


class Gate:
    """A stream that gives zeros once it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def normal(self, count: int) -> np.ndarray:
        assert self.open.wait(10)
        return np.zeros(count)

    def uniform(self, count: int) -> np.ndarray:
        raise AssertionError("noise is normal")

    def state(self) -> None:
        return None


def test_without_noise_the_buffer_is_zero_no_thread_starts_and_nothing_is_rounded() -> None:
    before = noise_threads()
    source, flat = NoiseSource(Gate(), 0.0), torch.full((10,), math.pi)
    source.begin(flat)
    source.wait()
    assert torch.equal(flat, torch.zeros(10))
    assert noise_threads() <= before
    flat += math.pi
    source.snap(flat)
    assert torch.equal(flat, torch.full((10,), math.pi))


def test_begin_returns_before_the_noise_is_there_and_wait_afterwards() -> None:
    stream = Gate()
    source, flat = NoiseSource(stream, 1.0), torch.full((10,), math.pi)
    source.begin(flat)
    assert torch.equal(flat, torch.full((10,), math.pi))
    stream.open.set()
    source.wait()
    assert torch.equal(flat, torch.zeros(10))


def test_one_thread_serves_all_steps() -> None:
    before = noise_threads()
    source, flat = NoiseSource(SeededStream(0), 1.0), torch.empty(1000)
    for _ in range(20):
        source.begin(flat)
        source.wait()
    assert len(noise_threads() - before) == 1


def test_beginning_twice_is_an_error_and_leaves_the_first_alone() -> None:
    source, flat = NoiseSource(SeededStream(0), 1.0), torch.empty(100)
    source.begin(flat)
    with pytest.raises(RuntimeError, match="already being drawn"):
        source.begin(flat)
    source.wait()
    assert torch.equal(flat, seeded(0, 1.0, 100))


def test_waiting_for_nothing_is_an_error() -> None:
    source = NoiseSource(SeededStream(0), 1.0)
    with pytest.raises(RuntimeError, match="nothing to wait for"):
        source.wait()
    source.begin(torch.empty(3))
    source.wait()
    with pytest.raises(RuntimeError, match="nothing to wait for"):
        source.wait()


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        (torch.empty(3, dtype=torch.float16), "float32 or float64"),
        (torch.empty(3, dtype=torch.int64), "float32 or float64"),
        (torch.empty(3, 3), "one-dimensional"),
        (torch.empty(6)[::2], "contiguous"),
    ],
)
def test_a_buffer_that_cannot_be_filled_is_refused(flat: torch.Tensor, words: str) -> None:
    source = NoiseSource(SeededStream(0), 1.0)
    with pytest.raises(TypeError, match=words):
        source.begin(flat)
    with pytest.raises(RuntimeError, match="nothing to wait for"):
        source.wait()


def test_what_goes_wrong_in_the_background_is_raised_by_wait() -> None:
    class Broken(Gate):
        def normal(self, count: int) -> np.ndarray:
            raise OSError("no entropy")

    source = NoiseSource(Broken(), 1.0)
    source.begin(torch.empty(3))
    with pytest.raises(OSError, match="no entropy"):
        source.wait()


def test_noise_that_was_begun_but_not_used_is_drawn_again_after_a_resume() -> None:
    source, flat, ahead = NoiseSource(SeededStream(1), 1.0), torch.empty(50), torch.empty(50)
    source.begin(flat)
    source.wait()
    source.begin(ahead)
    state = source.state()
    source.wait()
    assert state is not None
    assert torch.equal(filled(SeededStream.resume(state), 1.0, 50), ahead)
    assert source.state() != state
    assert NoiseSource(SecureStream(), 1.0).state() is None


def test_a_source_dropped_in_the_middle_fills_its_buffer_and_lets_its_thread_go() -> None:
    before = noise_threads()
    stream, memory = Gate(), np.full(100_000, math.pi, dtype=np.float32)
    source = NoiseSource(stream, 1.0)
    source.begin(torch.from_numpy(memory))
    references = sys.getrefcount(memory)
    del source
    gc.collect()
    assert sys.getrefcount(memory) == references  # the thread keeps what it writes to
    stream.open.set()
    wait_until(lambda: noise_threads() <= before)
    assert not memory.any()


def test_a_forked_child_says_that_its_noise_was_begun_elsewhere_and_can_begin_anew() -> None:
    source, flat = NoiseSource(SecureStream(), 1.0), torch.empty(2_000_000)
    source.begin(flat)
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a child that waits for a thread it does not have must not stay
        outcome = 3
        try:
            outcome = _begins_anew(source, flat)
        finally:
            os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    source.wait()


def _begins_anew(source: NoiseSource, flat: torch.Tensor) -> int:
    try:
        source.wait()
    except RuntimeError as error:
        if "another process" not in str(error):
            return 1
    source.begin(flat)
    source.wait()
    return 0 if 0.99 < float(flat.std()) < 1.01 else 2


@pytest.mark.parametrize("drop", ["", "del source", "source.wait(); del flat"])
def test_a_program_ends_silently_while_noise_is_drawn(drop: str) -> None:
    program = f"""
        import torch
        from workbench.dpsgd.noise import NoiseSource
        from workbench.dpsgd.randomness import SecureStream
        source, flat = NoiseSource(SecureStream(), 1.0), torch.empty(3_000_000)
        source.begin(flat)
        {drop}
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_buffer_gets_the_same_noise_as_one_in_memory() -> None:
    source = NoiseSource(SeededStream(1), 0.5)
    flat, steps = torch.empty(100_003, device="cuda"), []
    for _ in range(3):
        source.begin(flat)
        source.wait()
        source.snap(flat)
        steps.append(flat.cpu())
    assert torch.equal(torch.cat(steps), seeded(1, 0.5, 300_009))


def noise_threads() -> set[threading.Thread]:
    gc.collect()
    return {thread for thread in threading.enumerate() if thread.name.startswith("noise")}


def wait_until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)
