"""Layers known only by what they do: a network is tried on noise."""

import copy
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.layers.vector_quantizer import EMAQuantizer
from monai.networks.nets import BasicUNet, DenseNet121, SegResNet, VNet
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task

EXAMPLE = torch.zeros(3, 1, 8, 8)


class Does(nn.Module):
    """A layer whose forward is a function."""

    def __init__(self, does: object) -> None:
        super().__init__()
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(x)


def network_with(layer: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.ELU(), nn.Flatten(), nn.LazyLinear(2))


def refused(layer: nn.Module) -> str:
    with pytest.raises(BadInput) as said:
        make_fit(network_with(layer), example=EXAMPLE)
    assert said.value.field in ("model", None)
    return said.value.message


# Layers that mix records.


class OwnBatchNorm(nn.Module):
    """BatchNorm written by hand, around a layer of its own."""

    def __init__(self, *, statistics: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.mean = self.variance = None
        if statistics:
            del self.mean, self.variance
            self.register_buffer("mean", torch.zeros(4))
            self.register_buffer("variance", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.batch_norm(x, self.mean, self.variance, training=True))


class MixedSlopes(torch.autograd.Function):
    """Mixes only the slopes: each record's becomes the batch's mean."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:
        return slope.mean(dim=0, keepdim=True).expand_as(slope)


def attention(x: Tensor) -> Tensor:
    flat = x.flatten(1)
    return ((flat @ flat.T).softmax(dim=1) @ flat).view_as(x)


MIXERS = {
    "F.batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "mean of the batch": lambda x: x - x.mean(dim=0),
    "mean, detached": lambda x: x - x.detach().mean(dim=0),
    "a little": lambda x: x + 1e-3 * x.mean(dim=0),
    "very little": lambda x: x + 1e-7 * x.mean(dim=0),
    "largest of the batch": lambda x: (x - x.amin()).square() / x.amax(),
    "neighbour": lambda x: x + x.roll(1, dims=0).square(),
    "other order": lambda x: x.flip(0),
    "running sum": lambda x: x.cumsum(dim=0),
    "attention between records": attention,
}


@pytest.mark.parametrize("mixes", MIXERS.values(), ids=MIXERS)
def test_a_layer_that_mixes_records_is_named(mixes: object) -> None:
    assert "layer 1 (Does) lets one record change what it gives for another" in refused(Does(mixes))


def test_mixing_in_the_middle_of_a_forward_is_laid_to_that_forward() -> None:
    assert "layer 1 (OwnBatchNorm) lets one record" in refused(OwnBatchNorm())


def test_a_network_whose_own_forward_mixes_is_named_as_such() -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x - x.mean(dim=0))

    with pytest.raises(BadInput, match=r"its own forward \(Whole\) lets one record"):
        make_fit(Whole(), example=EXAMPLE)


def test_slopes_that_are_mixed_are_found_though_outputs_are_not() -> None:
    assert "lets one record change" in refused(Does(MixedSlopes.apply))


def test_a_layer_is_not_accused_for_putting_records_on_another_axis() -> None:
    rows = nn.Sequential(
        Does(lambda x: x.flatten(2).permute(2, 0, 1)),  # (36, records, 4)
        nn.Linear(4, 4),
        Does(lambda x: x.permute(1, 2, 0).reshape(-1, 4, 6, 6)),
    )
    assert make_fit(network_with(rows), example=EXAMPLE)[1] == []
    assert "layer 1.3 (Does)" in refused(nn.Sequential(*rows, Does(MIXERS["mean of the batch"])))
    inside = nn.Sequential(rows[0], Does(lambda x: x - x.mean(dim=1, keepdim=True)), rows[2])
    assert "layer 1.1 (Does)" in refused(inside)


def test_mixing_behind_weights_of_zero_is_found() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.gate * x.detach().mean(dim=0)

    assert "layer 1 (Gated) lets one record" in refused(Gated())
    model = network_with(Does(MIXERS["mean, detached"]))
    last = nn.Linear(144, 2)
    nn.init.zeros_(last.weight)
    model[4] = last
    with pytest.raises(BadInput, match="layer 1"):
        make_fit(model, example=EXAMPLE)


def test_dropout_and_other_draws_are_no_mixing() -> None:
    layers = nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), Does(lambda x: x * torch.rand(1)))
    make_fit(network_with(layers), example=EXAMPLE)
    make_fit(network_with(Does(lambda x: x * random.random() * np.random.rand())), example=EXAMPLE)


# Layers that remember.


class Keeps(nn.Module):
    """A buffer, and what every pass does to it."""

    def __init__(self, step: object) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(4))
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.step(self.kept, x.detach())
        return x + self.kept[:, None, None]


UPDATES = {
    "running mean": lambda kept, x: 0.9 * kept + 0.1 * x.mean(dim=(0, 2, 3)),
    "in place": lambda kept, x: kept.add_(x.mean()),
    "count of passes": lambda kept, x: kept + 1,
    "largest seen": lambda kept, x: torch.maximum(kept, x.square().amax()),
}


@pytest.mark.parametrize("step", UPDATES.values(), ids=UPDATES)
def test_a_buffer_that_changes_is_named(step: object) -> None:
    assert "layer 1 (Keeps) updates kept in the forward pass" in refused(Keeps(step))


def test_a_buffer_that_changes_in_the_backward_pass_is_named() -> None:
    def counts(own: Keeps, *_: object) -> None:
        own.kept.add_(1)

    layer = Keeps(lambda kept, x: kept)
    layer.register_full_backward_hook(counts)
    assert "layer 1 (Keeps) updates kept" in refused(layer)


def test_own_running_statistics_and_moving_codebooks_are_named() -> None:
    assert "layer 1 (OwnBatchNorm) updates mean" in refused(OwnBatchNorm(statistics=True))
    quantizer = EMAQuantizer(spatial_dims=2, num_embeddings=8, embedding_dim=4)

    class Quantized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.codes = quantizer

        def forward(self, x: Tensor) -> Tensor:
            return self.codes(x)[0]

    assert "layer 1.codes (EMAQuantizer) updates" in refused(Quantized())


def test_weights_that_a_forward_changes_are_named() -> None:
    class Drifts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.centre = nn.Parameter(torch.zeros(()), requires_grad=False)

        def forward(self, x: Tensor) -> Tensor:
            self.centre.lerp_(x.detach().mean(), 0.1)
            return x - self.centre

    assert "layer 1 (Drifts) updates centre" in refused(Drifts())


@pytest.mark.parametrize("kind", ["number", "list", "tensor"])
def test_memory_outside_buffers_is_found_by_what_it_does(kind: str) -> None:
    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.number, self.list, self.tensor = 0.0, [], torch.zeros(())

        def forward(self, x: Tensor) -> Tensor:
            before = {"number": self.number, "list": sum(self.list), "tensor": self.tensor}[kind]
            self.number = 0.5 * self.number + float(x.mean())
            self.list.append(float(x.mean()))
            self.tensor = self.tensor + x.detach().mean()
            return x + before

    assert "layer 1 (Remembers) answers otherwise once it was shown other" in refused(Remembers())


def test_constant_buffers_are_no_memory() -> None:
    layer = Keeps(lambda kept, x: kept)
    layer.register_buffer("order", torch.tensor([3, 1, 0, 2]))
    layer.register_buffer("mask", torch.tensor([True, False]))
    layer.register_buffer("nothing", torch.zeros(0))
    layer.register_buffer("unknown", torch.tensor([torch.nan]))
    fit, findings = make_fit(nn.Sequential(nn.Conv2d(1, 4, 3), layer), example=EXAMPLE)
    assert findings == []
    assert torch.equal(fit[1].order, layer.order)


def test_last_activations_that_are_only_kept_to_be_looked_at_are_no_memory() -> None:
    class Shows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            self.seen = x
            return x

    make_fit(network_with(Shows()), example=EXAMPLE)


# Parameters that no gradient reaches.


def test_parameters_that_no_gradient_reaches_are_named() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.head, self.frozen = (nn.Conv2d(4, 4, 1) for _ in range(3))
            self.frozen.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x) + self.head(x).detach()

    sentence = refused(Idle())
    assert "no gradient reaches its parameter 1.head.weight (and 1 more); freeze it" in sentence


def test_what_stands_before_a_detached_layer_is_not_reached() -> None:
    assert "reaches its parameter 0.weight" in refused(Does(lambda x: x.detach()))
    assert "0.weight (and 3 more)" in refused_whole(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3), Does(lambda x: x.detach()))
    )


def refused_whole(model: nn.Module) -> str:
    with pytest.raises(BadInput) as said:
        make_fit(model, example=EXAMPLE)
    return said.value.message


def test_a_network_without_anything_to_train_is_refused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3)).requires_grad_(False)
    assert "none of its parameters requires gradients" in refused_whole(model)


def test_a_parameter_in_a_closure_or_a_global_is_noticed() -> None:
    scale = torch.ones(1, 5, requires_grad=True)
    assert "a tensor of shape (1, 5) that requires gradients takes part" in refused(
        Does(lambda x: x * scale.sum())
    )


def test_a_function_tied_to_the_original_network_is_noticed() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Identity())
    model[1] = Does(lambda x: model[0](x[:, :1]))
    assert "but a copy of the network does not own it" in refused_whole(model)


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
    assert refused_whole(model) == (
        "The network fails on images of shape (3, 1, 8, 8) (KeyError: 'no such\\nthing'); "
        "take another image size, or mend its forward."
    )
    assert "RuntimeError: Calculated padded input size per channel: (8 x 8)" in refused_whole(
        nn.Conv2d(1, 4, 9)
    )


@pytest.mark.parametrize(
    ("gives", "sentence"),
    [
        (lambda x: [x, x], "for 3 records it gives list"),
        (lambda x: x.mean(), "for 3 records it gives shape ()"),
        (lambda x: x.flatten(0, 1), "for 3 records it gives shape (12, 6, 6)"),
        (lambda x: x / 0, "not finite"),
    ],
)
def test_outputs_that_no_loss_can_take_are_refused(gives: object, sentence: str) -> None:
    assert sentence in refused_whole(nn.Sequential(nn.Conv2d(1, 4, 3), Does(gives)))


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
    assert {len(batch) for batch in seen} == {4}
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


# Any network of a small grammar, with at most one bad layer anywhere.

GOOD = {
    "conv": lambda: nn.Conv2d(4, 4, 3, padding=1),
    "depthwise": lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4, padding_mode="reflect"),
    "transposed": lambda: nn.ConvTranspose2d(4, 4, 3, padding=1),
    "group": lambda: nn.GroupNorm(2, 4),
    "instance": lambda: nn.InstanceNorm2d(4, affine=True),
    "layer": lambda: nn.LayerNorm((4, 8, 8)),
    "elu": nn.ELU,
    "in place": lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.LeakyReLU(inplace=True)),
    "prelu": nn.PReLU,
    "dropout": lambda: nn.Dropout(0.2),
    "pool": lambda: nn.AvgPool2d(3, stride=1, padding=1),
    "table": lambda: Keeps(lambda kept, x: kept),
    "residual": lambda: Residual(),
}
BAD = {
    "F.batch_norm": lambda: Does(MIXERS["F.batch_norm"]),
    "mean": lambda: Does(MIXERS["mean of the batch"]),
    "neighbour": lambda: Does(MIXERS["neighbour"]),
    "order": lambda: Does(MIXERS["other order"]),
    "own batch norm": OwnBatchNorm,
    "running mean": lambda: Keeps(UPDATES["running mean"]),
    "counter": lambda: Keeps(UPDATES["count of passes"]),
}
REPLACED = {
    "BatchNorm2d": lambda: nn.BatchNorm2d(4),
    "no affine": lambda: nn.BatchNorm2d(4, affine=False),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(4, track_running_stats=True),
}
LAYERS = st.lists(st.sampled_from(sorted(GOOD)), min_size=1, max_size=5)
PLACE = st.integers(0, 5)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(1, 4), nn.SELU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def written(layers: list[str], extra: nn.Module | None = None, place: int = 0) -> nn.Module:
    torch.manual_seed(len(layers))
    body = [GOOD[name]() for name in layers]
    if extra is not None:
        body.insert(place, extra)
    head = nn.Sequential(nn.Flatten(), nn.Linear(256, 2))
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Sequential(*body), head)


@given(LAYERS)
@settings(max_examples=40, deadline=None)
def test_any_network_of_good_layers_passes_unchanged(layers: list[str]) -> None:
    model = written(layers)
    assert make_fit(model, example=EXAMPLE) == (model, [])


@given(LAYERS, st.sampled_from(sorted(BAD)), PLACE)
@settings(max_examples=60, deadline=None)
def test_one_bad_layer_anywhere_is_found_and_named(layers: list[str], bad: str, place: int) -> None:
    place = min(place, len(layers))
    sentence = refused_whole(written(layers, BAD[bad](), place))
    assert f"layer 1.{place} (" in sentence


@given(LAYERS, st.sampled_from(sorted(REPLACED)), PLACE)
@settings(max_examples=30, deadline=None)
def test_after_surgery_every_record_is_by_itself(layers: list[str], bad: str, place: int) -> None:
    place = min(place, len(layers))
    fit, findings = make_fit(written(layers, REPLACED[bad](), place), example=EXAMPLE)
    assert [found.layer for found in findings] == [f"1.{place}"]
    images = torch.rand(3, 1, 8, 8)
    for layer in fit.modules():
        layer.p = 0.0
    alone = torch.cat([fit(images[i : i + 1]) for i in range(3)])
    assert torch.allclose(fit(images), alone, atol=1e-4)


@given(LAYERS, st.sampled_from(sorted(REPLACED)), PLACE)
@settings(max_examples=8, deadline=None)
def test_a_replaced_network_still_learns(layers: list[str], bad: str, place: int) -> None:
    layers = [name for name in layers if name != "dropout"]
    model = written(layers, REPLACED[bad](), min(place, len(layers)))
    fit, _ = make_fit(model, example=EXAMPLE)
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8) % 2
    optimizer = torch.optim.Adam(fit.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(fit(images), labels).backward()
        optimizer.step()
    assert float(F.cross_entropy(fit(images), labels)) < 0.1
