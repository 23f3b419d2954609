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


def test_batchnorm_is_named_and_replaced_and_the_original_left_alone() -> None:
    model = build("unet-batchnorm", size=32, classes=2, task="segmentation", seed=0)
    fit, findings = make_fit(model)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fit.modules())
    assert "BatchNorm2d mixes the records of a batch; replaced by GroupNorm" in str(findings[0])


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(4),
        nn.BatchNorm2d(4, affine=False),
        nn.InstanceNorm2d(4, track_running_stats=True),
    ],
)
def test_every_disguise_of_shared_statistics_is_found_and_mended(layer: nn.Module) -> None:
    fit, findings = make_fit(nn.Sequential(nn.Conv2d(1, 4, 3), layer))
    assert [found.layer for found in findings] == ["1"]
    assert not list(fit.buffers())
    assert make_fit(fit)[1] == []


def test_after_surgery_one_record_does_not_change_what_another_gets() -> None:
    fit, _ = make_fit(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)))
    images = torch.rand(2, 1, 8, 8)
    assert torch.allclose(fit(images)[0], fit(images[:1])[0], atol=1e-6)


def test_without_leave_to_change_layers_batchnorm_is_refused() -> None:
    with pytest.raises(BadInput, match=r"BatchNorm2d mixes the records.*switched off"):
        make_fit(nn.Sequential(nn.BatchNorm2d(4)), surgery=False)


def test_a_buffer_without_replacement_is_refused() -> None:
    layer = nn.Linear(2, 2)
    layer.register_buffer("running", torch.zeros(2))
    with pytest.raises(BadInput, match=r"keeps buffers \(running\)"):
        make_fit(nn.Sequential(layer))


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
