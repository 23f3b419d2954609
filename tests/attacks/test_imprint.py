from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import batch, end, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.implant import bin_edges, implant
from workbench.attacks.methods.imprint import imprint
from workbench.attacks.observation import Observation, observe, observe_nobody
from workbench.attacks.scoring.score import assign, score
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.models.catalogue import build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task

SIZE = 32


def public(size: int = SIZE, count: int = 40) -> Tensor:
    """Slices of nobody who is attacked."""
    return torch.from_numpy(np.stack([picture(size, 1000 + i) for i in range(count)]))[:, None]


def implanted(records: int, *, model: str = "unet", size: int = SIZE, seed: int = 0) -> nn.Module:
    task: Task = "segmentation" if model == "unet" else "classification"
    network = build(model, size=size, classes=2, task=task, seed=seed)
    return implant(network, public(size), size=size, batch=records, seed=seed)


def share(network: nn.Module, records: int, *, model: str = "unet", **mechanism: Any) -> Any:
    """Slices, and what is shared of them."""
    task: Task = "segmentation" if model == "unet" else "classification"
    images, targets = batch(SIZE, records, task)
    settings = {"noise_multiplier": None, "max_grad_norm": 1.0, **mechanism}
    return images, observe(network, task, images, targets, stream=SeededStream(0, 1), **settings)


def read(observation: Observation, network: nn.Module, **known: Any) -> Any:
    knowledge = Knowledge(network=network, size=SIZE, **known)
    return end(imprint(observation, knowledge, seconds=2, restarts=1, seed=0))


def psnrs(images: Tensor, found: Any) -> np.ndarray:
    truth = images[:, 0].numpy()
    ordered = found.images[assign(truth, found.images)]
    return np.array([score(a, b).psnr for a, b in zip(truth, ordered, strict=True)])


@pytest.mark.parametrize("records", [1, 2, 8, 32, 64])
@pytest.mark.parametrize("model", ["unet", "cnn"])
def test_every_slice_of_a_batch_is_read_exactly(model: str, records: int) -> None:
    network = implanted(records, model=model)
    images, observation = share(network, records, model=model)
    found = read(observation, network)
    assert found.images.shape == (records, SIZE, SIZE)
    assert psnrs(images, found).min() > 80
    assert found.objective < 1e-10


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), records=st.integers(1, 12))
def test_whatever_the_weights_and_the_measurements(seed: int, records: int) -> None:
    network = implanted(records, model="cnn", seed=seed)
    images, observation = share(network, records, model="cnn")
    assert psnrs(images, read(observation, network)).min() > 60


def test_networks_that_ignore_a_shift_of_brightness_are_no_safer() -> None:
    layers = nn.Conv2d(1, 8, 3, padding=1), nn.InstanceNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1)
    network = implant(nn.Sequential(*layers), public(), size=SIZE, batch=8, seed=0)
    images, observation = share(network, 8)
    assert psnrs(images, read(observation, network)).min() > 60


def test_the_sum_over_sites_hides_nothing() -> None:
    network = implanted(32)
    images, observation = share(network, 32, sites=4)
    assert psnrs(images, read(observation, network)).min() > 80


def test_several_local_steps_hide_nothing() -> None:
    network = implanted(8)
    images, observation = share(network, 8, local_steps=4, local_rate=0.1)
    assert psnrs(images, read(observation, network)).min() > 60


def test_clipping_alone_hides_nothing() -> None:
    network = implanted(8)
    images, observation = share(network, 8, noise_multiplier=0.0)
    assert psnrs(images, read(observation, network)).min() > 60


@pytest.mark.parametrize("noise", [1e-5, 1e-4, 1e-3])
def test_under_noise_it_meets_the_law_of_the_strongest_attacker_without_a_prior(
    noise: float,
) -> None:
    network = implanted(1)
    errors = []
    for draw in range(4):
        images, targets = batch(SIZE, 1, "segmentation")
        observation = observe(
            network, "segmentation", images, targets, noise_multiplier=noise, max_grad_norm=1.0,
            stream=SeededStream(draw, 1),
        )  # fmt: skip
        # Where the slice is black, clamping to [0, 1] is a prior and takes half of the error.
        errors.append((read(observation, network).images - images[:, 0].numpy())[images[:, 0] > 0])
    law = noise**2 * float((images**2).sum())
    assert 0.8 * law < float(np.mean(np.square(errors))) < 1.5 * law


def test_under_the_noise_of_a_private_training_nothing_is_found() -> None:
    network = implanted(4)
    images, observation = share(network, 4, noise_multiplier=1.0)
    nobody = observe_nobody(observation, stream=SeededStream(0, 2))
    others = public()
    found = [psnrs(images, read(each, network, public=others)) for each in (observation, nobody)]
    np.testing.assert_allclose(found[0].mean(), found[1].mean(), atol=1)


def test_what_is_not_found_is_guessed_blindly() -> None:
    network = implanted(2)
    _, observation = share(network, 2)
    nobody = observe_nobody(observation, stream=SeededStream(0, 2))
    guess = public().mean(dim=0).numpy()
    np.testing.assert_allclose(
        read(nobody, network, public=public()).images, guess.repeat(2, 0), atol=1e-6
    )


def test_slices_that_are_the_same_are_found_once() -> None:
    network = implanted(3)
    images, targets = batch(SIZE, 2, "segmentation")
    images, targets = images[[0, 0, 1]], targets[[0, 0, 1]]
    observation = observe(
        network, "segmentation", images, targets, noise_multiplier=None, max_grad_norm=1.0,
        stream=SeededStream(0),
    )  # fmt: skip
    found = read(observation, network)
    assert sorted(psnrs(images, found) > 80) == [False, True, True]


def test_the_network_answers_as_it_did() -> None:
    network = build("unet", size=SIZE, classes=2, task="segmentation", seed=0)
    changed = implant(network, public(), size=SIZE, batch=8, seed=0)
    images, _ = batch(SIZE, 8, "segmentation")
    with torch.no_grad():
        before, after = network(images), changed(images)
    assert 0 < float((after - before).abs().max()) < 0.05 * float(before.abs().max())


def test_it_passes_for_a_network_fit_for_private_training() -> None:
    _, findings = make_fit(implanted(2))
    assert not findings


def test_the_same_seed_makes_the_same_implant() -> None:
    first, again, other = (implanted(2, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(first["imprint.weight"], again["imprint.weight"])
    assert not torch.equal(first["imprint.weight"], other["imprint.weight"])


@given(seed=st.integers(0, 1000), bins=st.integers(16, 200), count=st.integers(2, 60))
def test_bins_rise_and_hold_all_public_slices(seed: int, bins: int, count: int) -> None:
    measured = np.random.default_rng(seed).normal(size=count)
    edges = bin_edges(measured, bins)
    assert len(edges) == bins + 1
    assert (np.diff(edges) > 0).all()
    assert edges[0] < measured.min()
    assert edges[-1] > measured.max()


@pytest.mark.parametrize(
    ("slices", "sentence"),
    [
        (torch.zeros(0, 1, SIZE, SIZE), "has 0 of them"),
        (torch.full((5, 1, SIZE, SIZE), 0.5), "slices that differ"),
        (torch.rand(5, 1, 16, 16), "resize them"),
    ],
)
def test_public_slices_that_cannot_be_used_are_refused(slices: Tensor, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as error:
        implant(nn.Conv2d(1, 1, 1), slices, size=SIZE, batch=2, seed=0)
    assert error.value.field == "public"


def test_slices_too_large_for_bins_enough_are_refused() -> None:
    with pytest.raises(BadInput, match="smaller slices") as error:
        implant(nn.Conv2d(1, 1, 1), torch.rand(3, 1, 1024, 1024), size=1024, batch=8, seed=0)
    assert error.value.field == "size"


def test_a_network_that_nobody_has_changed_is_refused(seen: Callable[..., Any]) -> None:
    case = seen("cnn", SIZE)
    with pytest.raises(BadInput, match="let the server be malicious") as error:
        read(case.observation, case.knowledge.network)
    assert error.value.field == "server"


def test_real_liver_slices(shared_data: Path) -> None:
    slices = load(str(shared_data / "liver-ct-slices" / "liver-ct-128.npz"), size=64)
    assert slices.masks is not None
    others, own = (np.flatnonzero(slices.split == name) for name in ("train", "val"))
    network = build("unet", size=64, classes=2, task="segmentation", seed=0)
    images = torch.from_numpy(slices.images[own[:32]])
    masks = torch.from_numpy(slices.masks[own[:32]].astype(np.int64))
    theirs = torch.from_numpy(slices.images[others])
    network = implant(network, theirs, size=64, batch=32, seed=0)
    observation = observe(
        network, "segmentation", images, masks, noise_multiplier=None, max_grad_norm=1.0,
        stream=SeededStream(0),
    )  # fmt: skip
    knowledge = Knowledge(network=network, size=64)
    found = end(imprint(observation, knowledge, seconds=2, restarts=1, seed=0))
    assert psnrs(images, found).min() > 40
