import math

import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import BadInput
from workbench.models.attribution import attribution
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task, foreground, record_losses

EVERY = [(name, task) for name, entry in CATALOGUE.items() for task in entry.tasks]


@pytest.mark.parametrize(("name", "task"), EVERY)
@pytest.mark.parametrize("classes", [2, 3])
def test_every_network_gives_logits_of_the_promised_shape(
    name: str, task: Task, classes: int
) -> None:
    model = build(name, size=32, classes=classes, task=task, seed=0)
    outputs = model(torch.rand(2, 1, 32, 32))
    masks = (2, 1 if classes == 2 else classes, 32, 32)
    assert outputs.shape == (masks if task == "segmentation" else (2, classes))


def test_the_seed_alone_decides_the_weights() -> None:
    one, same, other = (
        build("cnn", size=32, classes=2, task="classification", seed=s) for s in (1, 1, 2)
    )
    assert torch.equal(one[0].weight, same[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


@pytest.mark.parametrize(
    ("name", "size", "task", "sentence"),
    [
        ("vgg", 32, "classification", "There is no model 'vgg'"),
        ("cnn", 32, "segmentation", "not made for segmentation"),
        ("unet", 100, "segmentation", "multiple of 16"),
        ("nowhere:net", 32, "segmentation", "cannot be found"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(
    name: str, size: int, task: Task, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        build(name, size=size, classes=2, task=task, seed=0)


@pytest.mark.parametrize("size", [32, 48, 100])
def test_resnet18_takes_any_size_and_halves_it_five_times(size: int) -> None:
    model = build("resnet18", size=size, classes=3, task="classification", seed=0)
    seen: list[torch.Size] = []
    model.avgpool.register_forward_pre_hook(lambda layer, args: seen.append(args[0].shape))
    assert model(torch.rand(2, 1, size, size)).shape == (2, 3)
    assert seen == [(2, 512, math.ceil(size / 32), math.ceil(size / 32))]


def test_resnet18_is_monais_in_all_but_its_norms() -> None:
    from monai.networks.nets.resnet import resnet18

    own = build("resnet18", size=64, classes=2, task="classification", seed=0)
    theirs = resnet18(spatial_dims=2, n_input_channels=1, conv1_t_stride=2, num_classes=2)
    shapes = {name: tuple(each.shape) for name, each in theirs.named_parameters()}
    assert {name: tuple(each.shape) for name, each in own.named_parameters()} == shapes
    assert not list(own.buffers())
    assert not any(getattr(layer, "inplace", False) for layer in own.modules())
    # With the same weights and the same norms both compute the same.
    theirs, _ = make_fit(theirs)
    theirs.load_state_dict(own.state_dict())
    images = torch.rand(2, 1, 64, 64)
    assert torch.allclose(own(images), theirs(images), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_loss_of_a_record_does_not_depend_on_its_neighbours(classes: int) -> None:
    outputs = torch.randn(4, 1 if classes == 2 else classes, 8, 8)
    masks = torch.randint(0, classes, (4, 1, 8, 8))
    together = record_losses("segmentation", outputs, masks)
    alone = torch.cat(
        [record_losses("segmentation", outputs[i : i + 1], masks[i : i + 1]) for i in range(4)]
    )
    assert together.shape == (4,)
    assert torch.allclose(together, alone)


def test_a_right_mask_costs_less_than_a_wrong_one_and_an_empty_one_is_finite() -> None:
    masks = torch.zeros(1, 1, 8, 8, dtype=torch.long)
    masks[..., 2:5, 2:5] = 1
    sure = 20.0 * (2 * masks.float() - 1)
    right, wrong = (record_losses("segmentation", o, masks) for o in (sure, -sure))
    assert float(right) < 0.01 < float(wrong)
    empty = record_losses("segmentation", sure, torch.zeros_like(masks))
    assert torch.isfinite(empty).all()


def test_probabilities_for_people_lie_between_0_and_1() -> None:
    assert foreground("segmentation", torch.randn(2, 3, 4, 4)).shape == (2, 4, 4)
    said = foreground("classification", torch.randn(2, 3))
    assert torch.allclose(said.sum(dim=1), torch.ones(2))


def test_attribution_points_at_the_pixels_that_a_network_reads() -> None:
    class LeftHalf(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            said = x[..., :8].flatten(1).sum(dim=1, keepdim=True)
            return torch.cat([-said, said], dim=1)

    seen = attribution(LeftHalf(), "classification", torch.ones(1, 1, 16, 16))
    assert seen.dtype == np.int8
    assert seen[0, :, :6].min() > 100
    assert np.abs(seen[0, :, -4:]).max() < 5
