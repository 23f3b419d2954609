"""Is it Poisson sampling? Each check fails for a right sampler once in a million runs."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opacus.utils.uniform_sampler import UniformWithReplacementSampler
from scipy.stats import binom, chi2

from workbench.dpsgd.randomness import RandomStream, SecureStream, SeededStream
from workbench.dpsgd.sampler import Units, draw_records, rate_of, steps_of
from workbench.errors import BadInput

STEPS, RATE = 4000, 0.15
ALMOST_NEVER = 1e-6
PATIENTS = np.repeat([f"p{i:02}" for i in range(30)], np.arange(30) % 4 + 1)  # 1 to 4 slices

Included = np.ndarray  # bool (steps, units)


def included_by(draw: Callable[[], np.ndarray], units: Units) -> Included:
    """Which units came in which step; a unit must come with all its records or with none."""
    included = np.zeros((STEPS, units.count), dtype=bool)
    sizes = np.bincount(units.of_record)
    for step in range(STEPS):
        came = np.bincount(units.of_record[draw()], minlength=units.count)
        assert np.isin(came / sizes, (0, 1)).all()
        included[step] = came > 0
    return included


def counts_agree(included: Included) -> bool:
    """Chi-square of how often each unit came, against the stated rate."""
    steps, units = included.shape
    spread = (included.sum(axis=0) - steps * RATE) ** 2 / (steps * RATE * (1 - RATE))
    return _usual(float(spread.sum()), units)


def sizes_are_dispersed(included: Included) -> bool:
    """The variance of a draw's size is (1 - q) of its mean; for fixed-size batches it is 0."""
    steps, units = included.shape
    sizes = included.sum(axis=1)
    spread = (sizes - units * RATE) ** 2 / (units * RATE * (1 - RATE))
    return _usual(float(spread.sum()), steps)


def steps_are_independent(included: Included) -> bool:
    """A unit comes in two steps running as often as two independent decisions say."""
    both = included[0::2] & included[1::2]
    return _as_often_as(int(both.sum()), both.size, RATE**2)


def units_are_independent(included: Included) -> bool:
    """The same for pairs of units in one step, neighbours by number."""
    both = included[:, 0:-1:2] & included[:, 1::2]
    return _as_often_as(int(both.sum()), both.size, RATE**2)


def is_poisson(included: Included) -> bool:
    return (
        counts_agree(included)
        and sizes_are_dispersed(included)
        and steps_are_independent(included)
        and units_are_independent(included)
    )


def _usual(statistic: float, freedom: int) -> bool:
    law = chi2(freedom)
    return bool(law.isf(1 - ALMOST_NEVER / 2) < statistic < law.isf(ALMOST_NEVER / 2))


def _as_often_as(count: int, trials: int, probability: float) -> bool:
    law = binom(trials, probability)
    return bool(min(law.cdf(count), law.sf(count - 1)) > ALMOST_NEVER / 2)


@pytest.mark.parametrize("unit", ["patient", "slice"])
@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("secure", [True, False], ids=["secure", "seeded"])
def test_all_processes_together_draw_by_poissons_law(unit: str, world: int, secure: bool) -> None:
    units = Units.of(PATIENTS, unit)  # type: ignore[arg-type]
    streams: list[RandomStream] = [
        SecureStream() if secure else SeededStream(world) for _ in range(world)
    ]

    def joined() -> np.ndarray:
        shares = [
            draw_records(units, RATE, stream, rank=rank, world=world)
            for rank, stream in enumerate(streams)
        ]
        return np.concatenate(shares)

    assert is_poisson(included_by(joined, units))


# What the checks above would catch


def fixed_size_batches(units: Units) -> Included:
    size = round(units.count * RATE)
    generator = np.random.default_rng(0)
    chosen = [generator.choice(units.count, size, replace=False) for _ in range(STEPS)]
    included = np.zeros((STEPS, units.count), dtype=bool)
    np.put_along_axis(included, np.array(chosen), True, axis=1)
    return included


def test_fixed_size_batches_would_be_caught_by_their_sizes() -> None:
    included = fixed_size_batches(Units.of(np.repeat("a", 100), "slice"))
    assert included.sum(axis=1).var() == 0
    assert counts_agree(included)
    assert not sizes_are_dispersed(included)


def test_a_shuffle_cut_into_batches_would_be_caught_by_its_steps() -> None:
    generator, batches = np.random.default_rng(0), round(1 / RATE)
    turns = generator.permuted(np.tile(np.arange(105) % batches, (STEPS // batches + 1, 1)), axis=1)
    included = (turns[:, None, :] == np.arange(batches)[:, None]).reshape(-1, 105)[:STEPS]
    assert not steps_are_independent(included)


def test_noticing_a_rate_that_is_a_tenth_too_high_and_a_unit_that_comes_too_often() -> None:
    generator = np.random.default_rng(0)
    assert not counts_agree(generator.random((STEPS, 30)) < 1.1 * RATE)
    rates = np.full(30, RATE)
    rates[7] *= 1.4
    assert not counts_agree(generator.random((STEPS, 30)) < rates)


def test_one_decision_for_two_units_would_be_caught() -> None:
    shared = np.repeat(np.random.default_rng(0).random((STEPS, 15)) < RATE, 2, axis=1)
    assert not units_are_independent(shared)
    assert not sizes_are_dispersed(shared)


# Several processes


@given(
    count=st.integers(1, 60),
    world=st.integers(1, 5),
    rate=st.floats(0, 1),
    seed=st.integers(0, 1000),
    unit=st.sampled_from(["patient", "slice"]),
)
def test_with_one_seed_processes_draw_exactly_what_one_would(
    count: int, world: int, rate: float, seed: int, unit: str
) -> None:
    patients = np.random.default_rng(seed).integers(0, 20, count)
    units = Units.of(patients, unit)  # type: ignore[arg-type]
    alone = SeededStream(seed)
    streams = [SeededStream(seed) for _ in range(world)]
    for _ in range(3):
        shares = [
            draw_records(units, rate, stream, rank=rank, world=world)
            for rank, stream in enumerate(streams)
        ]
        together = np.concatenate(shares)
        assert sorted(together) == sorted(draw_records(units, rate, alone))
        for rank, share in enumerate(shares):
            assert (units.of_record[share] % world == rank).all()
            assert (np.diff(units.of_record[share]) >= 0).all()


def test_secure_processes_share_every_unit_out_once() -> None:
    units = Units.of(PATIENTS, "patient")
    shares = [draw_records(units, 1.0, SecureStream(), rank=rank, world=4) for rank in range(4)]
    assert sorted(np.concatenate(shares)) == list(range(len(PATIENTS)))


@pytest.mark.parametrize(("rank", "world"), [(-1, 2), (2, 2), (0, 0)])
def test_a_process_that_does_not_exist_draws_nothing(rank: int, world: int) -> None:
    units = Units.of(PATIENTS, "slice")
    with pytest.raises(BadInput, match="Rank must be"):
        draw_records(units, 0.5, SeededStream(0), rank=rank, world=world)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_no_probability_is_refused(rate: float) -> None:
    with pytest.raises(BadInput, match="Sample rate must be between 0 and 1") as caught:
        draw_records(Units.of(PATIENTS, "slice"), rate, SeededStream(0))
    assert caught.value.field == "sample_rate"


def test_rates_zero_and_one_draw_nobody_and_everybody() -> None:
    units = Units.of(np.array(["a", "b", "a"]), "patient")
    assert len(draw_records(units, 0.0, SecureStream())) == 0
    assert list(draw_records(units, 1.0, SecureStream())) == [0, 2, 1]


# Rates and steps


@pytest.mark.parametrize("count", [93, 99, 105, 117, 393])
def test_no_step_is_lost_where_counting_by_way_of_the_rate_loses_one(count: int) -> None:
    by_rate = UniformWithReplacementSampler(num_samples=count, sample_rate=1 / count)
    assert by_rate.steps == count - 1
    assert steps_of(1, 1, count) == count
    assert steps_of(7, 3, 3 * count) == 7 * count


@given(epochs=st.integers(1, 500), batch_size=st.integers(1, 10**6), more=st.integers(0, 10**9))
def test_steps_are_the_fewest_that_reach_every_unit_often_enough(
    epochs: int, batch_size: int, more: int
) -> None:
    count = batch_size + more
    steps = steps_of(epochs, batch_size, count)
    assert steps * batch_size >= epochs * count > (steps - 1) * batch_size


@given(batch_size=st.integers(1, 10**6), more=st.integers(0, 10**9))
def test_a_rate_is_the_expected_share(batch_size: int, more: int) -> None:
    count = batch_size + more
    rate = rate_of(batch_size, count)
    assert 0 < rate <= 1
    assert rate * count == pytest.approx(batch_size, rel=1e-15)


@pytest.mark.parametrize(("batch_size", "count"), [(0, 10), (11, 10), (1, 0), (-1, 10)])
def test_a_batch_that_cannot_be_expected_is_refused(batch_size: int, count: int) -> None:
    for computed in (lambda: rate_of(batch_size, count), lambda: steps_of(1, batch_size, count)):
        with pytest.raises(BadInput, match="Batch size must be between 1 and") as caught:
            computed()
        assert caught.value.field == "batch_size"


def test_less_than_one_epoch_is_refused() -> None:
    with pytest.raises(BadInput, match="Epochs must be at least 1") as caught:
        steps_of(0, 1, 10)
    assert caught.value.field == "epochs"
