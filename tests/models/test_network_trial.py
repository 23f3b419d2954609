"""A trial on noise: what must be reached by gradients, what must be left as it was."""

import copy
import random

import numpy as np
import pytest
import torch
from monai.networks.nets import BasicUNet, DenseNet121, SegResNet, VNet
from odd_layers import EXAMPLE, UPDATES, Does, Keeps, network_with, refused
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task

# Parameters that no gradient reaches.


def test_parameters_that_no_gradient_reaches_are_named() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.head, self.frozen = (nn.Conv2d(4, 4, 1) for _ in range(3))
            self.frozen.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x) + self.head(x).detach()

    idle = Idle()
    idle.head.weight.grad = torch.ones_like(idle.head.weight)  # left from something else
    sentence = refused(network_with(idle))
    assert "no gradient reaches its parameter 1.head.weight (and 1 more); freeze it" in sentence


def test_what_stands_before_a_detached_layer_is_not_reached() -> None:
    assert "reaches its parameter 0.weight" in refused(network_with(Does(lambda x: x.detach())))
    assert "0.weight (and 3 more)" in refused(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3), Does(lambda x: x.detach()))
    )


def test_a_network_without_anything_to_train_is_refused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3)).requires_grad_(False)
    assert "none of its parameters requires gradients" in refused(model)


def test_a_parameter_in_a_closure_or_a_global_is_noticed() -> None:
    scale = torch.ones(1, 5, requires_grad=True)
    assert "a tensor of shape (1, 5) that requires gradients takes part" in refused(
        network_with(Does(lambda x: x * scale.sum()))
    )


def test_a_function_tied_to_the_original_network_is_noticed() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Identity())
    model[1] = Does(lambda x: model[0](x[:, :1]))
    assert "but a copy of the network does not own it" in refused(model)


def test_a_layer_that_computes_its_activations_twice_passes() -> None:
    class Twice(nn.Module):
        def __init__(self, reentrant: bool) -> None:
            super().__init__()
            self.conv, self.reentrant = nn.Conv2d(4, 4, 1), reentrant

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.conv, x, use_reentrant=self.reentrant)

    for reentrant in (True, False):
        make_fit(network_with(Twice(reentrant)), example=EXAMPLE)


# Networks that cannot be tried.


def test_an_error_in_the_forward_is_told_with_the_shape_and_its_first_line() -> None:
    def fails(x: Tensor) -> Tensor:
        raise KeyError("no such\nthing")

    model = nn.Sequential(nn.Conv2d(1, 4, 3), Does(fails))
    assert refused(model) == (
        "The network fails on images of shape (3, 1, 8, 8) (KeyError: 'no such\\nthing'); "
        "take another image size, or mend its forward."
    )
    assert "RuntimeError: Calculated padded input size per channel: (8 x 8)" in refused(
        nn.Conv2d(1, 4, 9)
    )


@pytest.mark.parametrize(
    ("gives", "sentence"),
    [
        (lambda x: [x, x], "for a batch of 3 it gives list"),
        (lambda x: x.mean(), "for a batch of 3 it gives shape ()"),
        (lambda x: x.flatten(0, 1), "for a batch of 3 it gives shape (12, 6, 6)"),
        (lambda x: x.squeeze(0), "for a batch of 1 it gives shape (4, 6, 6)"),
        (lambda x: x / 0, "not finite"),
    ],
)
def test_outputs_that_no_loss_can_take_are_refused(gives: object, sentence: str) -> None:
    assert sentence in refused(nn.Sequential(nn.Conv2d(1, 4, 3), Does(gives)))


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (0, 1, 8, 8), (8,)])
def test_an_example_of_fewer_than_two_records_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="at least two records") as said:
        make_fit(nn.Conv2d(1, 4, 3), example=torch.zeros(shape))
    assert said.value.field == "example"


# The trial leaves no trace.


def everything(model: nn.Module) -> dict[str, object]:
    return {
        "tensors": {name: t.clone() for name, t in model.state_dict().items()},
        "gradients": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "versions": [p._version for p in model.parameters()],
        "flags": [(layer.training, len(layer._forward_hooks)) for layer in model.modules()],
        "asks": [p.requires_grad for p in model.parameters()],
        "generators": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1]),
    }


def assert_same(one: object, two: object) -> None:
    if isinstance(one, dict):
        assert isinstance(two, dict)
        one, two = list(one.items()), list(two.items())
    if isinstance(one, list | tuple):
        assert isinstance(two, list | tuple)
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            assert_same(first, second)
    elif isinstance(one, Tensor | np.ndarray):
        assert np.array_equal(np.asarray(one), np.asarray(two))
    else:
        assert one == two


@pytest.mark.parametrize("spoiled", [False, True], ids=["passes", "is refused"])
def test_the_network_and_the_generators_stay_as_they_were(spoiled: bool) -> None:
    layer = Keeps(UPDATES["running mean"]) if spoiled else nn.Dropout(0.3)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3))
    model[3].weight.grad = torch.ones_like(model[3].weight)
    model[0].bias.requires_grad_(False)
    model[1].eval()
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(1234)
    before, whole = everything(model), copy.deepcopy(model)
    try:
        fit, _ = make_fit(model, example=EXAMPLE)
        assert not spoiled
        assert fit is model
    except BadInput:
        assert spoiled
    assert_same(everything(model), before)
    assert repr(model) == repr(whole)


def test_the_values_of_the_example_are_not_looked_at() -> None:
    seen: list[Tensor] = []
    model = nn.Sequential(nn.Conv2d(1, 4, 3), Does(lambda x: seen.append(x) or x))
    model[0].register_forward_pre_hook(lambda layer, args: seen.append(args[0].detach()))
    for value in (0.0, torch.nan):
        make_fit(model, example=torch.full((9, 1, 8, 8), value, dtype=torch.float16))
    half = len(seen) // 2
    assert half
    for one, two in zip(seen[:half], seen[half:], strict=True):
        assert torch.equal(one, two)
    assert {len(batch) for batch in seen} == {1, 4}
    assert all(((each >= 0) & (each <= 1)).all() for each in seen[::2])


def test_a_network_in_double_precision_is_tried_in_double_precision() -> None:
    make_fit(network_with(nn.GroupNorm(2, 4)), example=EXAMPLE)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)).double()
    assert make_fit(model, example=EXAMPLE) == (model, [])


# Whole networks.


@pytest.mark.parametrize(
    ("name", "task"), [(name, task) for name, entry in CATALOGUE.items() for task in entry.tasks]
)
def test_every_network_of_the_catalogue_can_be_made_fit(name: str, task: Task) -> None:
    model = build(name, size=32, classes=2, task=task, seed=0)
    fit, findings = make_fit(model, example=torch.zeros(2, 1, 32, 32))
    assert bool(findings) == (name == "unet-batchnorm")
    assert make_fit(fit, example=torch.zeros(2, 1, 32, 32)) == (fit, [])


@pytest.mark.parametrize(
    ("network", "replaced"),
    [
        (lambda: BasicUNet(2, 1, 1, features=(8,) * 6), 0),
        (lambda: SegResNet(2, in_channels=1, out_channels=1), 0),
        (lambda: DenseNet121(2, 1, 2), 121),
        (lambda: VNet(spatial_dims=2, in_channels=1, out_channels=1), 24),
    ],
    ids=["BasicUNet", "SegResNet", "DenseNet121", "VNet"],
)
def test_networks_of_monai_can_be_made_fit(network: object, replaced: int) -> None:
    _, findings = make_fit(network(), example=torch.zeros(2, 1, 32, 32))
    assert len(findings) == replaced
