"""What every attack of the catalogue promises, whatever it does; no attack goes without."""

from __future__ import annotations

import gc
import inspect
import weakref
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from contract_cases import CASES, SIZE, Posed, Suited, pose
from torch import Tensor

from workbench.attacks.catalogue import METHODS
from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation
from workbench.attacks.priors import denoiser
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.search import Attack
from workbench.errors import BadInput

SECONDS, RESTARTS = 1.0, 2
READING_OFF = ("analytic", "imprint")
"""Attacks without a search, which have no best so far to fall back to."""

pytestmark = pytest.mark.usefixtures("counted_time", "only_new_objects")


EACH = pytest.mark.parametrize(
    ("attack", "suited"),
    [(attack, suited) for attack, cases in CASES.items() for suited in cases.values()],
    ids=[f"{attack}, {about}" for attack, cases in CASES.items() for about in cases],
)


class Ran(NamedTuple):
    """An attack from beginning to end; seconds are the watcher's, whatever the attack says."""

    frames: list[Reconstructing]
    found: Reconstruction
    seconds: float


@pytest.fixture(scope="module")
def only_new_objects() -> Iterator[None]:
    """What other tests have left in memory is not gone through again and again."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def begun(attack: str, posed: Posed, seconds: float = SECONDS, restarts: int = RESTARTS) -> Attack:
    # What one attack has learned of public slices the next one would begin with.
    denoiser._trained.clear()
    steps: Attack = METHODS[attack].load()(
        posed.observation, posed.knowledge, seconds=seconds, restarts=restarts, seed=0
    )
    return steps


def carried_out(steps: Attack) -> Ran:
    clock, frames = Clock(1), []
    while True:
        try:
            frames.append(next(steps))
        except StopIteration as end:
            return Ran(frames, end.value, clock.elapsed)


def test_no_attack_of_the_catalogue_goes_without_a_case_of_each_kind() -> None:
    assert CASES.keys() == METHODS.keys()
    for name, method in METHODS.items():
        cases = CASES[name].values()
        assert {case.task for case in cases} == set(method.tasks), name
        for case in cases:
            assert case.records <= method.largest_batch
            assert case.public or "public" not in method.needs
            assert case.told or case.task == "classification" or "targets" not in method.needs


@pytest.mark.parametrize("attack", METHODS)
def test_an_attack_is_a_function_of_what_the_attacker_holds_alone(attack: str) -> None:
    parameters = inspect.signature(METHODS[attack].load(), eval_str=True).parameters
    assert parameters["observation"].annotation is Observation
    assert parameters["knowledge"].annotation is Knowledge
    assert set(parameters) == {"observation", "knowledge", "seconds", "restarts", "seed"}


@EACH
def test_it_finds_the_same_when_the_truth_is_gone_from_memory(attack: str, suited: Suited) -> None:
    posed, hidden = pose(attack, suited)
    erase(hidden)
    gone = carried_out(begun(attack, posed))
    posed, hidden = pose(attack, suited)
    alive = carried_out(begun(attack, posed))
    assert len(hidden) > 0, "it is alive until here"
    assert_same(gone.found, alive.found)
    assert len(gone.frames) == len(alive.frames)
    for one, other in zip(gone.frames, alive.frames, strict=True):
        assert_same(one, other)


def erase(hidden: list[Tensor]) -> None:
    """Whatever shares memory with the truth sees nonsense; the truth itself and copies are gone."""
    dying = [weakref.ref(tensor) for tensor in hidden]
    pixels = hidden[0].numpy().copy().ravel()
    for tensor in hidden:
        tensor.fill_(float("nan") if tensor.is_floating_point() else -1)
    hidden.clear()
    del tensor
    gc.collect()
    assert [reference() for reference in dying] == [None] * len(dying)
    for held in gc.get_objects():
        if issubclass(type(held), Tensor) and held.numel() == pixels.size:
            assert not np.allclose(held.detach().numpy().ravel(), pixels, atol=1e-3)


def assert_same(one: Any, other: Any) -> None:
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)


@EACH
def test_frames_are_pictures_and_the_best_of_all_is_returned(attack: str, suited: Suited) -> None:
    ran = carried_out(begun(attack, pose(attack, suited)[0]))
    shape = (suited.records, SIZE, SIZE)
    assert ran.frames
    for frame in ran.frames:
        assert isinstance(frame, Reconstructing)
        assert frame.stage
        assert frame.budget == SECONDS
        assert not np.isnan(frame.objective)
        assert_pictures(frame.image, shape)
        if frame.mask is not None:
            assert_pictures(frame.mask, shape)
    times = [frame.seconds for frame in ran.frames]
    assert times == sorted(times)
    assert ran.found.seconds <= ran.seconds < SECONDS + 1
    assert_well_formed(ran.found, shape, suited)
    assert_the_best(ran)


def assert_pictures(images: np.ndarray, shape: tuple[int, ...]) -> None:
    assert images.shape == shape
    assert images.dtype == np.float32
    assert np.isfinite(images).all()
    assert images.min() >= 0
    assert images.max() <= 1


def assert_well_formed(found: Any, shape: tuple[int, ...], suited: Suited) -> None:
    assert isinstance(found, Reconstruction)
    assert not np.isnan(found.objective)
    assert_pictures(found.images, shape)
    if found.masks is not None:
        assert suited.task == "segmentation"
        assert not suited.told
        assert_pictures(found.masks, shape)
    if found.labels is not None:
        assert suited.task == "classification"
        assert found.labels.shape == shape[:1]
        assert set(found.labels.tolist()) <= {0, 1}


def assert_the_best(ran: Ran) -> None:
    """By what the attacker sees: the smallest objective met, and the picture that belongs to it."""
    seconds, objectives = ran.found.objective_history.T
    assert (np.diff(seconds) >= 0).all()
    assert ran.found.objective == np.nanmin(objectives)
    shown = [frame for frame in ran.frames if frame.objective == ran.found.objective]
    assert any(np.array_equal(frame.image, ran.found.images) for frame in shown)


@EACH
def test_it_can_be_stopped_every_second(attack: str, suited: Suited) -> None:
    steps = begun(attack, pose(attack, suited)[0], seconds=1000)
    clock = Clock(1)
    shown = [clock.elapsed for _ in islice(steps, 6)]
    assert shown
    assert max(np.diff([0.0, *shown])) < 1
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


@EACH
def test_it_ends_when_its_time_is_up_however_short(attack: str, suited: Suited) -> None:
    ran = carried_out(begun(attack, pose(attack, suited)[0], seconds=1e-6))
    assert ran.seconds < 1
    assert_well_formed(ran.found, (suited.records, SIZE, SIZE), suited)


@EACH
@pytest.mark.parametrize(("value", "where"), [(float("nan"), 0), (float("inf"), -1)])
def test_values_that_are_no_numbers_leave_the_best_so_far_or_one_sentence(
    attack: str, suited: Suited, value: float, where: int
) -> None:
    posed, _ = pose(attack, suited)
    broken = dict(posed.observation.gradients)
    name = list(broken)[where]
    broken[name] = torch.full_like(broken[name], value)
    posed = posed._replace(observation=replace(posed.observation, gradients=broken))
    if attack in READING_OFF:
        with pytest.raises(BadInput, match=f"gradient of {name} holds") as refused:
            carried_out(begun(attack, posed))
        assert "\n" not in refused.value.message
        return
    ran = carried_out(begun(attack, posed, seconds=0.3))
    assert_well_formed(ran.found, (suited.records, SIZE, SIZE), suited)
    for frame in ran.frames:
        assert_pictures(frame.image, (suited.records, SIZE, SIZE))
