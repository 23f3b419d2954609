"""Every training that can be audited by name releases what its transcript should show."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from probe_cases import bench
from small_audits import by_hand

from workbench.auditing.exam import PULL, Exam, Records, Training, public_divisor
from workbench.auditing.probes.bench import together
from workbench.auditing.trainings.catalogue import PRIVACY_ENGINES, TRAININGS, training_named
from workbench.auditing.transcript import Transcript
from workbench.dpsgd.engine_names import ENGINES
from workbench.errors import BadInput

CANARIES, NULLS = 60, 300
WAYS = {
    "virtual batches": {"physical_batch": 4},
    "adam": {"optimizer": "adam"},
    "another norm": {"max_grad_norm": 0.01},
}
CLIPPED = ("bookkeeping", "opacus", "privacy-engine", "privacy-engine-ghost")


@cache
def coins() -> np.ndarray:
    return np.random.default_rng(3).random(CANARIES) < 0.5


def records(slices_each: int = 1) -> Records:
    """The bench's units, and canaries of as many slices each."""
    natural = bench(slices_each).natural
    coordinates = np.repeat(np.flatnonzero(coins()) + 1, slices_each)
    like = torch.arange(len(coordinates)) % len(natural)
    return together(
        natural,
        Records(
            images=natural.images[like],
            targets=natural.targets[like],
            coordinates=torch.from_numpy(coordinates),
            units=np.arange(len(coordinates)) // slices_each,
            pulls=torch.full((len(like),), PULL),
        ),
    )


def sat(
    training: Training, *, noise: float = 1.0, rate: float = 0.25, each: int = 1, **settings: object
) -> Transcript:
    shown = records(each)
    exam = Exam(
        records=shown,
        network=torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(shown.images[0].numel(), 2)
        ),
        coordinates=CANARIES + NULLS,
        task="classification",
        sample_rate=rate,
        noise_multiplier=noise,
        expected_units=public_divisor(rate, shown.unit_count),
        **{"max_grad_norm": 0.7, "steps": 12, **settings},  # type: ignore[arg-type]
    )
    training(exam)
    return exam.transcript(coins())


def check_law(transcript: Transcript, noise: float) -> None:
    canaries = transcript.signals[:, :CANARIES]
    for values, mean in (
        (canaries[transcript.included], 1.0),
        (canaries[~transcript.included], 0.0),
        (transcript.nulls, 0.0),
    ):
        error = noise / np.sqrt(values.size)
        assert values.mean() == pytest.approx(mean, abs=5 * error + 1e-5)
        assert values.std() == pytest.approx(noise, abs=5 * error + 1e-5)


@pytest.mark.parametrize("name", TRAININGS)
def test_signals_are_one_where_the_canary_came_and_noise_everywhere(name: str) -> None:
    transcript = sat(training_named(name))
    assert transcript.steps == 12
    assert transcript.signals.shape == (12, CANARIES + NULLS)
    assert not transcript.included[:, ~coins()].any()
    assert transcript.visits.shape == (12, 40 + coins().sum())
    check_law(transcript, 1.0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name", ["bookkeeping", "opacus", "privacy-engine", "privacy-engine-ghost"]
)
def test_without_noise_the_signals_say_exactly_who_came(name: str, way: str) -> None:
    transcript = sat(training_named(name), noise=0.0, **WAYS[way])
    wanted = np.concatenate([transcript.included, np.zeros((12, NULLS))], axis=1)
    assert np.abs(transcript.signals - wanted).max() < 1e-3
    assert transcript.drawn.std() > 0


@pytest.mark.parametrize("name", ["bookkeeping", "opacus"])
def test_a_patient_comes_with_all_slices_and_counts_once(name: str) -> None:
    transcript = sat(training_named(name), noise=0.0, each=3)
    assert transcript.visits.shape[1] == 40 + coins().sum()
    assert np.abs(transcript.signals[:, :CANARIES] - transcript.included).max() < 1e-3


def test_units_come_as_often_as_the_rate_says() -> None:
    for name in ("bookkeeping", "privacy-engine", "privacy-engine-bookkeeping"):
        visits = sat(training_named(name), steps=100).visits
        assert visits.mean() == pytest.approx(0.25, abs=5 * 0.433 / visits.size**0.5)


def test_each_sitting_draws_other_units_and_other_noise() -> None:
    for name in ("bookkeeping", "privacy-engine"):
        one, other = sat(training_named(name)), sat(training_named(name))
        assert (one.visits != other.visits).any()
        assert np.abs(np.corrcoef(one.nulls.ravel(), other.nulls.ravel())[0, 1]) < 0.1


def test_a_training_by_hand_sits_the_same_exam() -> None:
    check_law(sat(by_hand, steps=6), 1.0)


def test_a_draw_of_nobody_is_a_step() -> None:
    for name in ("bookkeeping", "opacus-ew", "opacus-ghost", "privacy-engine"):
        transcript = sat(training_named(name), rate=1 / 64, steps=30)
        assert transcript.steps == 30
        assert (transcript.drawn == 0).any()
        check_law(transcript, 1.0)


@pytest.mark.parametrize("name", PRIVACY_ENGINES)
def test_opacus_own_engine_refuses_what_it_cannot_do(name: str) -> None:
    with pytest.raises(BadInput, match="slices, not patients"):
        sat(training_named(name), each=2)
    with pytest.raises(BadInput, match="at 1 over the number of batches, which cannot be 0.3"):
        sat(training_named(name), rate=0.3)


def test_what_the_watch_raises_ends_a_training() -> None:
    seen: list[int] = []

    def watch(taken: int) -> None:
        seen.append(taken)
        if taken == 3:
            raise InterruptedError

    for name in ("bookkeeping", "privacy-engine"):
        seen.clear()
        with pytest.raises(InterruptedError):
            sat(training_named(name), watch=watch)
        assert seen == [1, 2, 3]


def test_names_are_those_of_the_engines_and_of_opacus_own() -> None:
    assert set(TRAININGS) == set(ENGINES) | set(PRIVACY_ENGINES)


def test_the_divisor_is_a_whole_number_and_never_nothing() -> None:
    assert public_divisor(0.05, 1512) == 75
    assert public_divisor(0.05, 3) == 1


def test_the_clip_is_undone_by_nothing_that_records_say() -> None:
    """A canary that pulls a thousand times harder arrives no further."""
    shown = records()
    harder = replace(shown, pulls=torch.where(shown.coordinates > 0, 1e3 * shown.pulls, 1.0))
    exam = Exam(
        records=harder, network=bench().network, coordinates=CANARIES + 1, task="classification",
        sample_rate=1.0, noise_multiplier=0.0, max_grad_norm=0.7, steps=1,
        expected_units=float(harder.unit_count),
    )  # fmt: skip
    training_named("bookkeeping")(exam)
    signals = exam.transcript(coins()).signals
    assert np.abs(signals[0, :CANARIES] - coins()).max() < 1e-3
