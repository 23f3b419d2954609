"""What every attack of the catalogue promises, whatever it does; no attack goes without."""

from __future__ import annotations

import gc
import inspect
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from attack_cases import picture
from torch import Tensor, nn

from workbench.attacks.catalogue import METHODS, named
from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation, observe
from workbench.attacks.priors import denoiser
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.search import Attack
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.models.catalogue import build
from workbench.models.losses import Task

SIZE, SECONDS, RESTARTS = 16, 1.0, 2
READING_OFF = ("analytic", "imprint")
"""Attacks without a search, which have no best so far to fall back to."""

HIDDEN, PUBLIC = 700, 800
"""First seeds of the pictures: no other test draws these, so a copy of one is known as such."""

pytestmark = pytest.mark.usefixtures("counted_time", "only_new_objects")


def catalogued(model: str, **changes: Any) -> Callable[[Task], nn.Module]:
    return lambda task: build(model, size=SIZE, classes=2, task=task, seed=0, **changes)


def two_layers(activation: Callable[[], nn.Module]) -> Callable[[Task], nn.Module]:
    """For masks: what every network with convolutions shows, at less cost."""

    def make(task: Task) -> nn.Module:
        assert task == "segmentation"
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), activation(),
            nn.Conv2d(8, 1, 3, padding=1),
        )  # fmt: skip

    return make


@dataclass(frozen=True, kw_only=True)
class Suited:
    """A case that an attack is made for: the network, and what the attacker is told."""

    task: Task = "classification"
    network: Callable[[Task], nn.Module]
    told: bool = False
    public: bool = False
    records: int = 1
    noise_multiplier: float | None = None


LABELS = Suited(network=catalogued("cnn"))
MASKS = Suited(task="segmentation", network=two_layers(nn.ELU), told=True)

CASES: dict[str, dict[str, Suited]] = {
    "two-stage": {
        "label inferred": LABELS,
        "mask known": MASKS,
        "mask unknown": replace(MASKS, told=False),
        "kinks": replace(MASKS, network=two_layers(nn.ReLU)),
        "public slices": replace(MASKS, public=True),
        "noise": replace(MASKS, noise_multiplier=0.1),
    },
    "analytic": {
        "label inferred": replace(LABELS, network=catalogued("mlp")),
        "mask unknown": Suited(task="segmentation", network=catalogued("mlp")),
    },
    "recursive": {
        "no normalisation": replace(LABELS, network=catalogued("cnn", normalisation="none")),
    },
    "imprint": {
        "labels unknown": replace(LABELS, records=3),
        "masks unknown": replace(MASKS, told=False, records=3),
    },
    "learned-prior": {
        "label inferred": replace(LABELS, public=True),
        "mask known": replace(MASKS, public=True, noise_multiplier=0.1),
    },
    "noisy": {
        "label inferred": replace(LABELS, noise_multiplier=0.1),
        "mask known": replace(MASKS, noise_multiplier=0.1),
    },
    "exact": {"label inferred": LABELS, "mask known": MASKS},
    "inverting-gradients": {"label inferred": LABELS, "masks known": replace(MASKS, records=2)},
    "dlg": {"label unknown": LABELS, "mask unknown": replace(MASKS, told=False)},
    "idlg": {"label inferred": LABELS},
    "lbfgs": {"label inferred": LABELS, "masks known": replace(MASKS, records=2)},
}
EACH = pytest.mark.parametrize(
    ("attack", "suited"),
    [(attack, suited) for attack, cases in CASES.items() for suited in cases.values()],
    ids=[f"{attack}, {about}" for attack, cases in CASES.items() for about in cases],
)


class Posed(NamedTuple):
    """What the attacker holds."""

    observation: Observation
    knowledge: Knowledge


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


def drawn(count: int, first: int) -> Tensor:
    return torch.from_numpy(np.stack([picture(SIZE, first + n) for n in range(count)]))[:, None]


def targets_of(images: Tensor, task: Task) -> Tensor:
    return (images > 0.6).long() if task == "segmentation" else torch.arange(len(images)) % 2


def pose(attack: str, suited: Suited) -> tuple[Posed, list[Tensor]]:
    """The question, and the tensors that the attacker must do without."""
    images, others = drawn(suited.records, HIDDEN), drawn(12, PUBLIC)
    targets, network = targets_of(images, suited.task), suited.network(suited.task)
    implant = METHODS[attack].implant
    if implant is not None:
        network = named(implant)(network, others, size=SIZE, batch=suited.records, seed=0)
    observation = observe(
        network, suited.task, images, targets, noise_multiplier=suited.noise_multiplier,
        max_grad_norm=1.0, stream=SeededStream(0, 1),
    )  # fmt: skip
    knowledge = Knowledge(
        network=network,
        size=SIZE,
        targets=targets if suited.told else None,
        public=others if suited.public else None,
        public_targets=targets_of(others, suited.task) if suited.public else None,
    )
    return Posed(observation, knowledge), [images] if suited.told else [images, targets]


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
