"""Short exams: sensitivity, broken voxels, fresh randomness, empty draws."""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from probe_cases import bench, caught, claim, discs, p_of
from torch import Tensor, nn

from workbench.auditing.exam import Exam, Records, Training
from workbench.auditing.probes.bench import Bench, chosen, together
from workbench.auditing.probes.empty_draws import empty_draws
from workbench.auditing.probes.every import sat
from workbench.auditing.probes.finiteness import finiteness
from workbench.auditing.probes.freshness import freshness
from workbench.auditing.probes.sensitivity import moved, sensitivity
from workbench.auditing.trainings.catalogue import training_named
from workbench.auditing.trainings.reference import Parts, engine_named, reference
from workbench.auditing.zoo.open_engine import Setting, by_hand, clip_units, weighted
from workbench.dpsgd.engine_names import ENGINES
from workbench.dpsgd.randomness import RandomStream, SeededStream
from workbench.dpsgd.sampler import Units
from workbench.errors import BadInput

BOOKKEEPING = engine_named("bookkeeping")


@pytest.mark.parametrize("name", [*ENGINES, "privacy-engine-bookkeeping"])
def test_right_engines_pass_all(name: str) -> None:
    found = tuple(sat(training_named(name), bench(), claim()))
    assert not caught(found)
    assert len({finding.test for finding in found}) == len(found) >= 12


def test_right_engines_pass_for_patients_too() -> None:
    found = tuple(sat(training_named("bookkeeping"), bench(4), claim(unit="patient")))
    assert not caught(found)
    assert any("patient" in finding.says for finding in found)


def test_the_open_engine_is_right_until_a_habit_is_replaced() -> None:
    assert not caught(sat(reference(Parts(engine=by_hand())), bench(), claim()))


# Sensitivity


def test_a_patient_whose_slices_are_clipped_one_by_one_moves_the_sum_too_far() -> None:
    def one_by_one(exam: Exam) -> None:
        slices = np.arange(len(exam.records))
        exam.records = dataclasses.replace(exam.records, units=slices)
        reference(Parts(engine=BOOKKEEPING))(exam)

    found = sensitivity(one_by_one, bench(4))
    assert "sensitivity-canary" in caught(found)
    assert max(finding.measured for finding in found) == pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize("factor", [0.999, 1.001])
def test_a_thousandth_more_than_the_norm_is_seen(factor: float) -> None:
    def clip(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
        return [factor * g for g in clip_units(gradients, setting)]

    found = sensitivity(reference(Parts(engine=by_hand(clip=clip))), bench())
    assert bool(caught(found)) == (factor > 1)


def test_the_distance_is_that_of_the_gradients() -> None:
    """Without any clip a unit moves the sum by its own gradient, taken here by plain autograd."""

    def unclipped(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
        return weighted(gradients, torch.ones(len(gradients[0])))

    own, unit = bench(), bench().others[0]
    measured = moved(reference(Parts(engine=by_hand(clip=unclipped))), own, own.kept, (unit,))
    loss = nn.functional.cross_entropy(own.network(unit.images), unit.targets)
    gradients = torch.autograd.grad(loss, list(own.network.parameters()))
    norm = float(torch.cat([g.flatten() for g in gradients]).norm())
    assert measured == pytest.approx(norm / own.max_grad_norm, rel=1e-3)


def test_dropout_does_not_look_like_sensitivity() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    with_dropout = dataclasses.replace(bench(), network=network)
    assert not caught(sensitivity(training_named("bookkeeping"), with_dropout))
    assert network[2].p == 0.5


# Broken voxels


def test_a_training_that_refuses_a_broken_voxel_passes_and_is_quoted() -> None:
    def careful(exam: Exam) -> None:
        if not exam.records.images.isfinite().all():
            raise BadInput("This picture holds a value that is no number. Remove it.")
        training_named("bookkeeping")(exam)

    found = finiteness(careful, bench())
    assert not caught(found)
    assert "This picture holds a value that is no number." in found[0].says


# Freshness


@pytest.mark.parametrize("seed_noise", [True, False])
def test_what_is_seeded_by_the_training_itself_is_replayed(seed_noise: bool) -> None:
    def noise() -> RandomStream:
        return SeededStream(3) if seed_noise else SeededStream(*np.random.bytes(4))

    def draws(units: Units, rate: float, stream: RandomStream) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(3)
        while True:
            yield np.flatnonzero(rng.random(units.count) < rate)

    parts = Parts(engine=BOOKKEEPING, noise=noise)
    if not seed_noise:
        parts = Parts(engine=BOOKKEEPING, draws=draws)
    found = freshness(reference(parts), bench(), claim())
    assert caught(found) == {"noise-fresh" if seed_noise else "sampler-fresh"}


def test_noise_that_follows_the_global_seed_is_told_and_not_held_against_it() -> None:
    (*_, own) = freshness(training_named("bookkeeping"), bench(), claim())
    (*_, opacus) = freshness(training_named("privacy-engine"), bench(), claim())
    assert (own.test, own.p_value, opacus.p_value) == ("noise-secret", 1, 1)
    assert abs(own.measured) < 0.1
    assert opacus.measured == pytest.approx(1)


def test_replaying_leaves_the_global_generators_as_they_were() -> None:
    def fingerprint() -> tuple[float, float, float]:
        freshness(training_named("bookkeeping"), bench(), claim())
        return random.random(), np.random.random(), float(torch.rand(1))

    assert not set(fingerprint()) & set(fingerprint())


# Empty draws


def without_empty_draws(units: Units, rate: float, stream: RandomStream) -> Iterator[np.ndarray]:
    while True:
        drawn = np.flatnonzero(stream.uniform(units.count) < rate)
        if len(drawn):
            yield drawn


def test_drawing_until_somebody_comes_is_caught() -> None:
    found = empty_draws(
        reference(Parts(engine=BOOKKEEPING, draws=without_empty_draws)), bench(), claim()
    )
    assert p_of(found, "empty-counted") < 1e-4


def test_a_step_that_is_left_out_where_nobody_comes_is_caught() -> None:
    def skipping(exam: Exam) -> None:
        observe = exam.observe
        exam.observe = lambda: observe() if exam._now else None  # type: ignore[method-assign]
        training_named("bookkeeping")(exam)

    assert p_of(empty_draws(skipping, bench(), claim()), "empty-counted") == 0


def test_noise_that_one_layer_does_not_get_is_caught_and_the_layer_named() -> None:
    def forgetful(sums: list[Tensor], setting: Setting) -> list[Tensor]:
        exam = setting.exam
        noise = setting.normal(sums, exam.noise_multiplier * exam.max_grad_norm)
        noise[-2] *= 0  # the linear layer's bias; the canaries' coordinates come last
        return [(s + n) / exam.expected_units for s, n in zip(sums, noise, strict=True)]

    found = empty_draws(reference(Parts(engine=by_hand(finish=forgetful))), bench(), claim())
    assert caught(found) == {"noise-everywhere"}
    assert "9.bias" in found[-1].says


def test_a_frozen_layer_needs_no_noise() -> None:
    network = copy.deepcopy(bench().network)
    next(network.parameters()).requires_grad_(False)
    found = tuple(
        sat(training_named("bookkeeping"), dataclasses.replace(bench(), network=network), claim())
    )
    assert not caught(found)


def test_a_training_that_stops_where_nobody_comes_passes_and_is_quoted() -> None:
    found = empty_draws(training_named("privacy-engine-ghost"), bench(), claim())
    assert [finding.p_value for finding in found] == [1.0]
    assert "stops" in found[0].says


# What exams are made of


def test_a_bench_keeps_whole_units_and_leaves_some_to_come_and_go() -> None:
    own = bench(4)
    assert (len(own.kept), own.kept.unit_count) == (32, 8)
    assert [len(unit) for unit in own.others] == [4, 4, 4]
    two = dataclasses.replace(own, natural=chosen(own.natural, own.natural.units < 2))
    assert (two.kept.unit_count, len(two.others)) == (1, 1)


def test_units_of_joined_records_stay_apart() -> None:
    joined = together(bench(4).kept, bench(4).others[0])
    assert joined.unit_count == 9
    assert joined.units[-4:].tolist() == [8] * 4


def test_every_exam_begins_with_the_same_weights() -> None:
    def first_weights(training: Training | None) -> Tensor:
        exam = bench().exam(bench().kept)
        if training is not None:
            training(exam)
        return next(exam.network.parameters()).detach().clone()

    before = first_weights(None)
    assert not torch.equal(first_weights(training_named("bookkeeping")), before)
    assert torch.equal(first_weights(None), before)


def natural(images: Tensor, targets: Tensor) -> Records:
    return Records(
        images=images, targets=targets, coordinates=torch.zeros(len(images), dtype=torch.int64),
        units=np.arange(len(images)), pulls=torch.ones(len(images)),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bookkeeping", "opacus"])
def test_segmentation_and_adam_are_probed_alike(name: str) -> None:
    images, _ = discs(35, 1)
    masks = (images > 0.5).long()
    own = Bench(
        natural=natural(images, masks),
        network=nn.Conv2d(1, 1, 3, padding=1),
        task="segmentation",
        max_grad_norm=1.0,
        options={"optimizer": "adam", "physical_batch": 7},
    )
    assert not caught(sat(training_named(name), own, claim(noise_multiplier=0.6)))
