import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from plain_noise import gaussian_noise, round_to_grid
from scipy.stats import binom, chi2, kstest, norm

from workbench.dpsgd.noise import NoiseSource, grid_of
from workbench.dpsgd.randomness import (
    RandomStream,
    SecureStream,
    SeededStream,
)
from workbench.errors import BadInput

KINDS = [torch.float32, torch.float64]
ALMOST_NEVER = 1e-6
STDS = st.floats(1e-6, 1e4)


def drawn(stream: RandomStream, std: float, count: int, kind: torch.dtype) -> torch.Tensor:
    flat = torch.full((count,), math.nan, dtype=kind)
    source = NoiseSource(stream, std)
    source.begin(flat)
    source.wait()
    return flat


class Fixed:
    """A stream that gives what it was made with."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values, dtype=np.float64)

    def uniform(self, count: int) -> np.ndarray:
        raise AssertionError("noise is normal")

    def normal(self, count: int) -> np.ndarray:
        assert count == len(self.values)
        return self.values.copy()

    def state(self) -> None:
        return None


# The grid


@given(std=st.floats(1e-30, 1e30))
def test_the_grid_is_a_power_of_two_about_a_millionth_of_the_noise(std: float) -> None:
    grid = grid_of(std)
    assert math.frexp(grid)[0] == 0.5
    assert grid * 2**20 <= std < grid * 2**21


def test_the_grid_follows_from_the_noise_alone() -> None:
    assert grid_of(1.0) == 2.0**-20
    assert grid_of(math.nextafter(1.0, 0)) == 2.0**-21
    assert grid_of(3.0) == 2.0**-19


@pytest.mark.parametrize("std", [-1.0, math.nan, math.inf, 1e-31, 1e31])
def test_a_noise_that_no_buffer_can_hold_is_refused(std: float) -> None:
    with pytest.raises(BadInput, match=r"standard deviation must be 0 or between") as caught:
        NoiseSource(SeededStream(0), std)
    assert caught.value.field == "noise_multiplier"


@pytest.mark.parametrize("kind", KINDS)
@given(std=st.floats(1e-30, 1e30), seed=st.integers(0, 1000))
def test_noise_lies_on_the_grid(kind: torch.dtype, std: float, seed: int) -> None:
    steps = drawn(SeededStream(seed), std, 500, kind).double() / grid_of(std)
    assert torch.equal(steps, steps.round())
    assert steps.abs().max() > 2**19


@given(std=STDS, seed=st.integers(0, 1000))
def test_a_float32_buffer_holds_the_very_same_noise_as_a_float64_buffer(
    std: float, seed: int
) -> None:
    narrow, wide = (drawn(SeededStream(seed), std, 500, kind) for kind in KINDS)
    assert torch.equal(narrow.double(), wide)


@given(std=STDS, seed=st.integers(0, 1000))
def test_noise_is_the_streams_normals_times_std_rounded_to_the_grid(std: float, seed: int) -> None:
    noise = drawn(SeededStream(seed), std, 300, torch.float64).numpy()
    values = SeededStream(seed).normal(300) * std
    assert np.abs(noise - values).max() <= grid_of(std) * 0.5000001
    plain = round_to_grid(gaussian_noise(SeededStream(seed), 300, std), std)
    assert np.abs(noise - plain).max() <= grid_of(std)


@pytest.mark.parametrize("kind", KINDS)
def test_the_farthest_noise_arrives_where_float32_normals_end_at_5_77(kind: torch.dtype) -> None:
    farthest = 2 * math.sqrt(2 * 32 * math.log(2))
    noise = drawn(Fixed([farthest, -farthest, 8.0]), 0.7, 3, kind).double()
    assert noise.tolist() == pytest.approx([9.324, -9.324, 5.6], abs=1e-3)
    assert torch.equal(noise, (noise / grid_of(0.7)).round() * grid_of(0.7))


# The lattice does not depend on what was summed


@given(
    std=st.floats(0.01, 100),
    size=st.floats(0.01, 1e6),
    seed=st.integers(0, 1000),
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_snapped_sum_lies_on_the_grid_whatever_was_added(
    kind: torch.dtype, std: float, size: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    source = NoiseSource(SeededStream(seed), std)
    flat = drawn(SeededStream(seed), std, 300, kind)
    for _ in range(3):
        flat += torch.from_numpy(generator.normal(0, size, 300)).to(kind)
    source.snap(flat)
    steps = flat.double() / grid_of(std)
    assert torch.equal(steps, steps.round())
    again = flat.clone()
    source.snap(again)
    assert torch.equal(again, flat)


@given(std=st.floats(0.01, 100), seed=st.integers(0, 1000))
def test_a_snapped_sum_is_the_noise_plus_the_rounded_values(std: float, seed: int) -> None:
    values = torch.from_numpy(np.random.default_rng(seed).normal(0, 3 * std, 300))
    noise = drawn(SeededStream(seed), std, 300, torch.float64)
    grid = grid_of(std)
    source = NoiseSource(SeededStream(seed), std)
    wide = noise + values
    source.snap(wide)
    assert torch.equal(wide, noise + (values / grid).round() * grid)
    narrow = noise.float() + values.float()
    source.snap(narrow)
    assert (narrow.double() - wide).abs().max() <= grid


@pytest.mark.parametrize("kind", KINDS)
def test_snapping_a_large_buffer_changes_every_part_of_it(kind: torch.dtype) -> None:
    flat = torch.full((200_001,), 0.3 + 2.0**-22, dtype=kind)
    NoiseSource(SeededStream(0), 1.0).snap(flat)
    assert torch.equal(flat.unique().double(), torch.tensor([round(0.3 * 2**20) / 2**20]).double())


# The law


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "stream", [SecureStream, lambda: SeededStream(7)], ids=["secure", "seeded"]
)
def test_the_noise_in_the_buffer_is_gaussian_with_the_stated_deviation(
    stream: Any, kind: torch.dtype
) -> None:
    many, std = 500_000, 0.37
    noise = drawn(stream(), std, many, kind).double().numpy() / std
    assert kstest(noise, "norm").pvalue > ALMOST_NEVER
    assert chi2.isf(1 - ALMOST_NEVER, many) < (noise**2).sum() < chi2.isf(ALMOST_NEVER, many)
    for beyond in (3, 4):
        expected = binom(many, 2 * norm.sf(beyond))
        count = int((np.abs(noise) > beyond).sum())
        assert min(expected.cdf(count), expected.sf(count - 1)) > ALMOST_NEVER


def test_every_step_has_its_own_noise() -> None:
    source, flat = NoiseSource(SecureStream(), 1.0), torch.empty(300_000)
    steps = []
    for _ in range(3):
        source.begin(flat)
        source.wait()
        steps.append(flat.numpy().copy())
    correlations = np.corrcoef(steps) - np.eye(3)
    assert np.abs(correlations).max() < norm.isf(ALMOST_NEVER) / 300_000**0.5


def test_seeded_noise_repeats_and_does_not_depend_on_how_it_is_asked_for() -> None:
    whole = drawn(SeededStream(1), 0.5, 100_003, torch.float32)
    source = NoiseSource(SeededStream(1), 0.5)
    first, second = torch.empty(40_001), torch.empty(60_002)
    for part in (first, second):
        source.begin(part)
        source.wait()
    assert torch.equal(torch.cat([first, second]), whole)
