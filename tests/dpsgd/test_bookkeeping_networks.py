"""Whole networks against one backward pass per unit, in float64, with clipping active."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from monai.networks.nets import AttentionUnet, BasicUNet, DenseNet121, SegResNet, UNet
from monai.networks.nets.resnet import resnet18
from opacus.layers import DPLSTM
from slow_truth import Losses, bookkeeper, check_against_truth, flat_gradient, truth
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from workbench.dpsgd.bookkeeping.recorder import Strategy
from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task

PATIENTS = np.array([0, 1, 1, 2, 0, 1])
NORM = ("INSTANCE", {"affine": True})


def images(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, dtype=torch.float64, generator=generator)


def losses_on(x: Tensor) -> Losses:
    """Cross-entropy of classifiers, mean binary cross-entropy of networks that draw masks."""

    def losses(model: nn.Module, records: Tensor) -> Tensor:
        outputs = model(x[records])
        outputs = outputs[0] if isinstance(outputs, tuple) else outputs
        if outputs.ndim == 2:
            return F.cross_entropy(outputs, records % 2, reduction="none")
        wanted = (x[records] > 0.5).to(outputs)
        entropy = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
        return entropy.flatten(1).mean(1)

    return losses


def fit(model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d | nn.Dropout3d):
            module.p = 0.0
    return make_fit(model)[0].double()


@pytest.mark.parametrize(
    ("name", "task", "strategy"),
    [
        (name, task, strategy)
        for name, entry in CATALOGUE.items()
        for task in entry.tasks
        for strategy in ("auto", "ghost")
        if (name, strategy) != ("resnet18", "ghost")  # slow, and no other layers than resnet9's
    ],
)
def test_networks_of_the_catalogue(name: str, task: Task, strategy: Strategy) -> None:
    size = 64 if name == "resnet18" else 32
    model = make_fit(build(name, size=size, classes=2, task=task, seed=0))[0].double()
    x = images(4, 1, size, size)
    check_against_truth(model, losses_on(x), np.array([0, 1, 1, 2]), strategy=strategy)


MONAI: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet18": (
        lambda: resnet18(spatial_dims=2, n_input_channels=1, num_classes=2),
        (1, 32, 32),
    ),
    "densenet121": (lambda: DenseNet121(2, 1, 2), (1, 32, 32)),
    "basic unet": (lambda: BasicUNet(2, 1, 1, features=(8, 8, 16, 16, 16, 8)), (1, 32, 32)),
    "segresnet": (
        lambda: SegResNet(2, 8, 1, 1, blocks_down=(1, 2, 2), blocks_up=(1, 1)),
        (1, 16, 16),
    ),
    "attention unet": (lambda: AttentionUnet(2, 1, 1, (8, 16, 16), (2, 2)), (1, 16, 16)),
    "unet": (
        lambda: UNet(2, 1, 1, (8, 16, 16), (2, 2), num_res_units=2, norm=NORM),
        (1, 16, 16),
    ),
    "unet, 3D": (
        lambda: UNet(3, 1, 1, (8, 16, 16), (2, 2), num_res_units=2, norm=NORM),
        (1, 8, 8, 8),
    ),
    "segresnet, 3D": (
        lambda: SegResNet(3, 8, 1, 1, blocks_down=(1, 2), blocks_up=(1,)),
        (1, 8, 8, 8),
    ),
    "basic unet, 3D": (
        lambda: BasicUNet(3, 1, 1, features=(4, 4, 4, 4, 4, 4), norm=("GROUP", {"num_groups": 2})),
        (1, 16, 16, 16),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "units", [np.arange(4), np.array([0, 1, 1, 2])], ids=["slices", "patients"]
)
@pytest.mark.parametrize("name", MONAI)
def test_networks_of_monai(name: str, units: np.ndarray) -> None:
    make, shape = MONAI[name]
    check_against_truth(fit(make()), losses_on(images(4, *shape)), units)


class Twice(nn.Module):
    """One layer called twice, and one whose weights another one shares."""

    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Conv2d(2, 2, 3, padding=1)
        self.one, self.other = nn.Linear(32, 32), nn.Linear(32, 32, bias=False)
        self.other.weight = self.one.weight
        self.same = self.one

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(F.elu(self.again(x.expand(-1, 2, -1, -1)))).flatten(1)
        return self.same(F.elu(self.other(F.elu(self.one(x)))))[:, :2]


@pytest.mark.parametrize("strategy", ["auto", "instantiate", "ghost"])
def test_layers_that_are_called_again_and_weights_that_are_shared(strategy: Strategy) -> None:
    torch.manual_seed(0)
    x = images(6, 1, 4, 4)
    check_against_truth(Twice().double(), losses_on(x), PATIENTS, strategy=strategy)


class Token(nn.Module):
    """Parameters outside of any layer: a token, a list of scales, attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 8, 4, stride=4)
        self.block = _Attention()
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.embed(x).flatten(2).mT)[:, 0])


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.scales = nn.ParameterList([torch.randn(8), torch.randn(8)])
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) * self.scales[0]
        seen = self.norm(x)
        return x + self.scales[1] * self.attention(seen, seen, seen, need_weights=False)[0]


def test_parameters_that_no_layer_holds_go_record_by_record() -> None:
    torch.manual_seed(0)
    engine = check_against_truth(Token().double(), losses_on(images(6, 1, 8, 8)), PATIENTS)
    notes = {note.layer: note for note in bookkeeper(Token(), 1.0).describe()}
    assert notes["block"].rule == "torch.func, record by record"
    assert set(notes) == {"embed", "block", "head"}
    assert engine.describe() == []


def test_parameters_of_the_network_itself() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(4))
            self.layer = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.flatten(1) + self.shift)

    check_against_truth(Root().double(), losses_on(images(6, 1, 2, 2)), PATIENTS)


class _Halved(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 2


class _Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, *, shift: float) -> Tensor:
        return torch.sigmoid(x * self.log_scale.exp() + shift) * 2


class Unusual(nn.Module):
    """Layers that no rule knows, each followed by an operation in place."""

    def __init__(self) -> None:
        super().__init__()
        self.halved = _Halved(16, 6)
        self.normed = parametrizations.weight_norm(nn.Linear(6, 6))
        self.rms = nn.RMSNorm(6)
        self.scale = _Scale()
        self.bilinear = nn.Bilinear(6, 6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.halved(x.flatten(1)) + 1)
        x = self.rms(self.normed(x).sin_())
        return self.bilinear(x, self.scale(x, shift=0.5).mul_(2))


def test_layers_without_a_rule_fall_back_and_say_so() -> None:
    torch.manual_seed(0)
    check_against_truth(Unusual().double(), losses_on(images(6, 1, 4, 4)), PATIENTS)
    rules = {note.type: note.rule for note in bookkeeper(Unusual(), 1.0).describe()}
    assert rules.pop("RMSNorm") == "Opacus' sampler for RMSNorm"
    assert set(rules.values()) == {"torch.func, record by record"}
    assert {"_Halved", "_Scale", "Bilinear", "ParametrizedLinear"} == set(rules)


def test_the_older_weight_norm_which_computes_its_weight_in_a_hook() -> None:
    torch.manual_seed(0)
    with pytest.warns(FutureWarning, match="weight_norm"):
        layer = torch.nn.utils.weight_norm(nn.Linear(16, 2))
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), layer).double()
    x = images(6, 1, 4, 4)
    engine = bookkeeper(model, 1e9)
    engine.accumulate(losses_on(x)(model, torch.arange(6)), np.arange(6))
    engine.release()
    seen = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    engine.detach()
    model.zero_grad()
    losses_on(x)(model, torch.arange(6)).sum().backward()
    for one, parameter in zip(seen, model.parameters(), strict=True):
        assert parameter.grad is not None
        assert torch.allclose(one, parameter.grad, atol=1e-12)


class _Sequence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = DPLSTM(4, 5, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x[:, 0])[0][:, -1])


def test_opacus_recurrent_layers_whose_cells_run_once_per_time_step() -> None:
    torch.manual_seed(0)
    check_against_truth(_Sequence().double(), losses_on(images(6, 1, 3, 4)), PATIENTS)


def test_frozen_parameters_count_for_nothing_and_are_not_touched() -> None:
    model = build("cnn", size=32, classes=2, task="classification", seed=0).double()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(("3", "9")) or name == "2.bias")
    check_against_truth(model, losses_on(images(6, 1, 32, 32)), PATIENTS)
    assert {note.layer for note in bookkeeper(model, 1.0).describe()} == {"2", "3", "9"}
    assert model[0].weight.grad is None


def test_a_loss_that_reaches_a_weight_around_its_layer_is_refused() -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(self.layer(x.flatten(1)), self.layer.weight)

    model = Around().double()
    engine = bookkeeper(model, 1.0)
    losses = losses_on(images(2, 1, 2, 2))(engine.model, torch.arange(2))
    with pytest.raises(BadInput, match="layer.weight cannot be clipped: it is used outside"):
        engine.accumulate(losses, np.arange(2))
    assert model.layer.weight.grad is None, "no raw gradient may stay"


class _Checkpointed(nn.Module):
    def __init__(self, *, use_reentrant: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.block = nn.Sequential(nn.GroupNorm(2, 4), nn.ELU(), nn.Conv2d(4, 4, 3), nn.PReLU())
        self.head = nn.Linear(16, 2)
        self._use_reentrant = use_reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(self.block, self.stem(x), use_reentrant=self._use_reentrant)
        return self.head(x.flatten(1))


def test_checkpointed_layers_which_run_their_forward_pass_twice() -> None:
    torch.manual_seed(0)
    losses = losses_on(images(6, 1, 4, 4))
    check_against_truth(_Checkpointed(use_reentrant=False).double(), losses, PATIENTS)
    engine = bookkeeper(_Checkpointed(use_reentrant=True).double(), 1.0)
    with pytest.raises(BadInput, match="set use_reentrant=False"):
        engine.accumulate(losses(engine.model, torch.arange(6)), PATIENTS)


def test_networks_of_which_only_the_norms_are_trained() -> None:
    model = build("cnn", size=32, classes=2, task="classification", seed=0).double()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(("3", "6")))
    check_against_truth(model, losses_on(images(6, 1, 32, 32)), PATIENTS)


def test_forward_passes_that_lead_nowhere_change_nothing() -> None:
    model = build("cnn", size=32, classes=2, task="classification", seed=0).double()
    losses, units = losses_on(images(6, 1, 32, 32)), np.arange(6)
    expected = truth(model, losses, units)
    engine = bookkeeper(model, expected.max_grad_norm)
    for _ in range(4):
        losses(model, torch.arange(5))  # looked at, then forgotten
    waiting = [losses(model, torch.arange(part, part + 2)) for part in (0, 2, 4)]
    losses(model, torch.arange(3))
    for part, own in zip((0, 2, 4), waiting, strict=True):
        engine.accumulate(own, units[part : part + 2])
    engine.release()
    assert torch.allclose(flat_gradient(model), expected.total, atol=1e-12)
