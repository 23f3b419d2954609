"""Layers known by their type: what is found, what takes their place, what is kept."""

import copy
from collections.abc import Callable

import pytest
import torch
from monai.networks.layers.factories import Norm
from opacus.validators import ModuleValidator
from torch import nn
from torch.nn import functional as F

from workbench.errors import BadInput
from workbench.models.catalogue import build
from workbench.models.fitness import make_fit

EXAMPLE = torch.zeros(3, 1, 8, 8)


class Renamed(nn.BatchNorm2d):
    """A subclass that changes nothing but its name."""


class WithActivation(nn.BatchNorm2d):
    """As in many model collections: a norm that is also an activation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(super().forward(x))


def frozen(layer: nn.Module) -> nn.Module:
    return layer.requires_grad_(False)


DISGUISES: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: nn.BatchNorm2d(4),
    "no affine": lambda: nn.BatchNorm2d(4, affine=False),
    "frozen affine": lambda: frozen(nn.BatchNorm2d(4)),
    "no statistics": lambda: nn.BatchNorm2d(4, track_running_stats=False),
    "nothing at all": lambda: nn.BatchNorm2d(4, affine=False, track_running_stats=False),
    "left in eval mode": lambda: nn.BatchNorm2d(4).eval(),
    "average of all batches": lambda: nn.BatchNorm2d(4, momentum=None),
    "no momentum": lambda: nn.BatchNorm2d(4, momentum=0.0),
    "no bias": lambda: nn.BatchNorm2d(4, bias=False),
    "across processes": lambda: nn.SyncBatchNorm(4),
    "subclass": lambda: Renamed(4),
    "lazy": lambda: nn.LazyBatchNorm2d(),
    "MONAI batch": lambda: Norm[Norm.BATCH, 2](4),
    "MONAI syncbatch": lambda: Norm["syncbatch"](4),
}
STATISTICS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: nn.InstanceNorm2d(4, track_running_stats=True),
    "affine": lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    "lazy": lambda: nn.LazyInstanceNorm2d(track_running_stats=True),
    "MONAI": lambda: Norm["instance", 2](4, track_running_stats=True),
}


def network_with(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.ELU(), nn.Flatten(), nn.Linear(144, 2))


def each_alone(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(images[i : i + 1]) for i in range(len(images))])


@pytest.mark.parametrize(
    "made",
    [*DISGUISES.values(), *STATISTICS.values()],
    ids=[*DISGUISES, *(f"instance {name}" for name in STATISTICS)],
)
def test_every_disguise_is_named_and_replaced_and_records_are_apart_again(
    made: Callable[[], nn.Module],
) -> None:
    model = network_with(made())
    fit, findings = make_fit(model, example=EXAMPLE)
    assert [found.layer for found in findings] == ["1"]
    assert findings[0].replacement
    assert not list(fit.buffers())
    assert make_fit(fit, example=EXAMPLE) == (fit, [])
    images = torch.rand(3, 1, 8, 8)
    assert torch.allclose(fit.train()(images), each_alone(fit, images), atol=1e-5)


def test_a_finding_says_what_was_wrong_and_what_was_done() -> None:
    model = build("unet-batchnorm", size=32, classes=2, task="segmentation", seed=0)
    fit, findings = make_fit(model)
    assert str(findings[0]).endswith(
        ": BatchNorm2d mixes the records of a batch; "
        "replaced by GroupNorm with 8 groups and the scale and shift it had"
    )
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fit.modules())


def test_without_leave_to_change_layers_batchnorm_is_refused() -> None:
    with pytest.raises(BadInput, match=r"1 \(BatchNorm2d mixes the records.*switched off"):
        make_fit(network_with(nn.BatchNorm2d(4)), surgery=False)


def test_a_network_that_needs_nothing_is_given_back_itself() -> None:
    model = network_with(nn.GroupNorm(2, 4))
    assert make_fit(model, example=EXAMPLE) == (model, [])


# What a replacement keeps.


@pytest.mark.parametrize(
    "old",
    [nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine=True, track_running_stats=True)],
    ids=["batch", "instance"],
)
def test_scale_and_shift_are_kept_and_running_statistics_are_not(old: nn.Module) -> None:
    old = copy.deepcopy(old).double().eval()
    nn.init.normal_(old.weight)
    nn.init.normal_(old.bias)
    old.bias.requires_grad_(False)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), old)
    new = make_fit(model)[0][1]
    assert torch.equal(new.weight, old.weight)
    assert torch.equal(new.bias, old.bias)
    assert new.weight.dtype == torch.float64
    assert (new.weight.requires_grad, new.bias.requires_grad) == (True, False)
    assert new.weight is not old.weight
    assert not new.training
    assert list(old.buffers())
    assert not list(new.buffers())


def test_surgery_draws_no_random_numbers() -> None:
    model = network_with(nn.BatchNorm2d(4))
    before = torch.get_rng_state()
    make_fit(model)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (24, 8), (32, 16), (64, 32)]
)
def test_at_least_two_maps_share_a_group(channels: int, groups: int) -> None:
    fit, _ = make_fit(nn.Sequential(nn.BatchNorm2d(channels)))
    assert fit[0].num_groups == groups


@pytest.mark.parametrize("features", [3, 5, 8, 12, 16, 64, 100])
def test_of_a_vector_more_is_left_than_signs(features: int) -> None:
    fit, _ = make_fit(nn.Sequential(nn.BatchNorm1d(features)))
    said = fit(torch.rand(6, features, generator=torch.Generator().manual_seed(0)))
    sizes = said.detach().abs().flatten()
    assert float(sizes.max()) > 1.1 * float(sizes.min())
    groups = fit[0].num_groups
    assert groups == 1 or features / groups >= 8


@pytest.mark.parametrize("features", [1, 2])
def test_one_or_two_numbers_cannot_be_normalised_by_themselves(features: int) -> None:
    with pytest.raises(BadInput, match="BatchNorm1d mixes.*take a network without it"):
        make_fit(nn.Sequential(nn.Linear(4, features), nn.BatchNorm1d(features)))


def test_a_norm_that_does_more_than_normalise_is_not_replaced() -> None:
    with pytest.raises(BadInput, match=r"1 \(WithActivation mixes.*take a network without it"):
        make_fit(network_with(WithActivation(4)))


# Where a layer may hide.


def test_a_shared_layer_is_replaced_in_every_place_by_one() -> None:
    norm = nn.BatchNorm2d(4)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ELU(), nn.Sequential(norm))
    fit, findings = make_fit(model)
    assert [found.layer for found in findings] == ["1"]
    assert isinstance(fit[1], nn.GroupNorm)
    assert fit[3][0] is fit[1]


def test_a_network_that_is_one_batchnorm_is_replaced_itself() -> None:
    fit, findings = make_fit(nn.BatchNorm2d(4))
    assert isinstance(fit, nn.GroupNorm)
    assert findings[0].layer == "the network itself"


class Listed(nn.Module):
    """Registers a norm, and calls it through a plain list."""

    def __init__(self, *, registered: bool, affine: bool) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(4, affine=affine)
        self.conv = nn.Conv2d(1, 4, 3)
        if registered:
            self.norm = norm
        self.steps = [nn.Sequential(norm)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = step(self.conv(x))
        return x


@pytest.mark.parametrize(
    ("registered", "name"), [(True, "norm"), (False, "steps[0].0")], ids=["also", "only"]
)
def test_a_layer_in_a_plain_list_is_found_and_replaced_there(registered: bool, name: str) -> None:
    fit, findings = make_fit(Listed(registered=registered, affine=False), example=EXAMPLE)
    assert [found.layer for found in findings] == [name]
    assert isinstance(fit.steps[0][0], nn.GroupNorm)


# Beside Opacus' own validator.

OPACUS_REFUSES = {
    "BatchNorm2d": lambda: nn.BatchNorm2d(4),
    "no statistics": lambda: nn.BatchNorm2d(4, track_running_stats=False),
    "SyncBatchNorm": lambda: nn.SyncBatchNorm(4),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
}
OPACUS_MISSES = {
    "BatchNorm2d without affine": DISGUISES["no affine"],
    "BatchNorm2d with frozen affine": DISGUISES["frozen affine"],
    "subclass of BatchNorm2d": DISGUISES["subclass"],
    "InstanceNorm2d without affine": STATISTICS["plain"],
    "spectral_norm": lambda: nn.utils.spectral_norm(nn.Conv2d(4, 4, 1)),
}


@pytest.mark.parametrize("made", OPACUS_REFUSES.values(), ids=OPACUS_REFUSES)
def test_what_opacus_refuses_for_privacy_is_found(made: Callable[[], nn.Module]) -> None:
    model = network_with(made())
    assert not ModuleValidator.is_valid(model)
    fit, findings = make_fit(model, example=EXAMPLE)
    assert [found.layer for found in findings] == ["1"]
    assert ModuleValidator.is_valid(fit)


@pytest.mark.parametrize("made", OPACUS_MISSES.values(), ids=OPACUS_MISSES)
def test_what_opacus_lets_pass_is_found(made: Callable[[], nn.Module]) -> None:
    model = network_with(made())
    assert ModuleValidator.is_valid(model)
    with pytest.raises(BadInput, match=r"privately: 1 \("):
        make_fit(model, surgery=False)


# What cannot be judged, or cannot be done, without seeing an input.


@pytest.mark.parametrize("wrap", [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm])
def test_spectral_norm_is_refused_with_its_reason(wrap: Callable) -> None:
    model = network_with(wrap(nn.Conv2d(4, 4, 1)))
    with pytest.raises(BadInput, match=r"1 \(spectral_norm moves its estimate.*without it"):
        make_fit(model, example=EXAMPLE)


def test_other_weights_that_are_computed_in_hooks_can_be_copied_and_tried() -> None:
    model = network_with(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1)))
    assert make_fit(model, example=EXAMPLE) == (model, [])


def test_an_unknown_buffer_is_refused_where_nothing_can_be_tried() -> None:
    layer = nn.Linear(2, 2)
    layer.register_buffer("table", torch.zeros(2))
    with pytest.raises(BadInput, match=r"0 \(Linear keeps buffers \(table\), and only a trial"):
        make_fit(nn.Sequential(layer))


def test_lazy_layers_get_their_first_weights_in_a_copy() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    model[3].eval()
    before = torch.get_rng_state()
    fit, findings = make_fit(model, example=EXAMPLE)
    assert torch.equal(torch.get_rng_state(), before)
    assert [found.layer for found in findings] == ["1"]
    assert fit[3].weight.shape == (2, 144)
    assert [layer.training for layer in fit] == [True, True, True, False]
    assert isinstance(model[3].weight, nn.UninitializedParameter)


def test_lazy_layers_without_an_example_are_refused() -> None:
    with pytest.raises(BadInput, match=r"Layer 0 \(LazyConv2d\) has no weights before its first"):
        make_fit(nn.Sequential(nn.LazyConv2d(4, 3)))


def test_weights_on_the_meta_device_are_refused() -> None:
    with pytest.raises(BadInput, match="0.weight lies on the meta device"):
        make_fit(nn.Sequential(nn.Linear(2, 2, device="meta")))


def test_a_network_that_cannot_be_copied_is_refused() -> None:
    model = network_with(nn.BatchNorm2d(4))
    model.source = (number for number in range(3))
    with pytest.raises(BadInput, match="cannot be copied .*generator"):
        make_fit(model)
