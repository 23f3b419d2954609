from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import infer_label, infer_labels, targets_for
from workbench.attacks.observation import observe
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.models.catalogue import build


@pytest.fixture(scope="module")
def xrays() -> SliceSet:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "pneumoniamnist"
    if not folder.is_dir():
        pytest.skip("real X-rays: there is no folder ../shared/data beside this checkout")
    return load(str(folder / "pneumoniamnist.npz"), size=32)


def share_of_right_counts(
    slices: SliceSet,
    records: int,
    noise_multiplier: float | None,
    public: Tensor | None,
    networks: int = 5,
) -> float:
    """Over some networks and four batches each, how often all labels are counted right."""
    assert slices.labels is not None
    generator, right = np.random.default_rng(records), []
    theirs = np.flatnonzero(slices.split == "test")
    for seed in range(networks):
        network = build("cnn", size=32, classes=2, task="classification", seed=seed)
        for _ in range(4):
            chosen = generator.choice(theirs, records, replace=False)
            observation = observe(
                network, "classification", torch.from_numpy(slices.images[chosen]),
                torch.from_numpy(slices.labels[chosen]), noise_multiplier=noise_multiplier,
                max_grad_norm=1.0, stream=SeededStream(0),
            )  # fmt: skip
            knowledge = Knowledge(network=network, size=32, public=public)
            found = infer_labels(observation, knowledge)
            right.append(found.tolist() == sorted(slices.labels[chosen].tolist()))
    return float(np.mean(right))


def others(slices: SliceSet) -> Tensor:
    return torch.from_numpy(slices.images[np.flatnonzero(slices.split == "train")[:64]])


@pytest.mark.parametrize("records", [2, 4, 8, 16])
def test_labels_of_x_rays_are_counted_right_by_who_holds_others(
    records: int, xrays: SliceSet
) -> None:
    assert share_of_right_counts(xrays, records, None, others(xrays)) == 1


@pytest.mark.parametrize("records", [4, 16])
def test_clipping_does_not_hide_them(records: int, xrays: SliceSet) -> None:
    assert share_of_right_counts(xrays, records, 0.0, others(xrays), networks=1) == 1


@pytest.mark.parametrize(("records", "least"), [(2, 1.0), (4, 0.95), (8, 0.85), (16, 0.7)])
def test_and_mostly_by_who_holds_none(records: int, least: float, xrays: SliceSet) -> None:
    assert share_of_right_counts(xrays, records, None, None) >= least


def test_several_classes(seen: Callable[..., Any]) -> None:
    network = build("cnn", size=16, classes=5, task="classification", seed=0)
    images = torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([4, 0, 2, 2, 4, 4])
    observation = observe(
        network, "classification", images, labels, noise_multiplier=None, max_grad_norm=1.0,
        stream=SeededStream(0),
    )  # fmt: skip
    found = infer_labels(observation, Knowledge(network=network, size=16, classes=5))
    assert found.tolist() == [0, 2, 2, 4, 4, 4]


@pytest.mark.parametrize("mechanism", [{"local_steps": 3, "local_rate": 0.05}, {"sites": 2}])
def test_local_steps_and_sites(mechanism: dict[str, Any]) -> None:
    network = build("cnn", size=16, classes=2, task="classification", seed=0)
    images = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    observation = observe(
        network, "classification", images, torch.tensor([1, 0, 1, 1]), noise_multiplier=None,
        max_grad_norm=1.0, stream=SeededStream(0), **mechanism,
    )  # fmt: skip
    found = infer_labels(observation, Knowledge(network=network, size=16))
    assert found.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("records", [1, 3, 16])
def test_there_is_a_label_for_every_record_whatever_the_noise(
    records: int, seen: Callable[..., Any]
) -> None:
    case = seen("cnn", 16, records=records, noise_multiplier=10.0)
    found = infer_labels(case.observation, case.knowledge)
    assert found.shape == (records,)
    assert set(found.tolist()) <= {0, 1}


def test_labels_that_are_told_are_not_inferred(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16, records=3)
    assert targets_for(case.observation, case.knowledge).tolist() == [0, 1, 0]


def test_labels_that_are_not_told_are_inferred(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16, records=3)
    untold = Knowledge(network=case.knowledge.network, size=16)
    assert targets_for(case.observation, untold).tolist() == [0, 0, 1]


def test_one_label_is_not_read_off_several_records(seen: Callable[..., Any]) -> None:
    with pytest.raises(BadInput, match="one record, not of 2") as error:
        infer_label(seen("cnn", 16, records=2).observation)
    assert error.value.field == "batch"


def test_masks_are_not_inferred_here(seen: Callable[..., Any]) -> None:
    case = seen("mlp", 16)
    with pytest.raises(BadInput, match="must know the masks") as error:
        targets_for(case.observation, Knowledge(network=case.knowledge.network, size=16))
    assert error.value.field == "mask"


def test_a_network_without_a_last_bias_is_refused(seen: Callable[..., Any]) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 2, bias=False))
    case = seen(network=network, records=2)
    with pytest.raises(BadInput, match="no bias") as error:
        infer_labels(case.observation, case.knowledge)
    assert error.value.field == "model"
