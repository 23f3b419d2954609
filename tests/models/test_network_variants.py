import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.attacks.config import ACTIVATIONS as NAMED_ACTIVATIONS
from workbench.attacks.config import NORMALISATIONS as NAMED_NORMALISATIONS
from workbench.errors import BadInput
from workbench.models.catalogue import build
from workbench.models.losses import Task
from workbench.models.variant import ACTIVATIONS, NORMALISATIONS, variant

KINDS = {
    "elu": nn.ELU, "silu": nn.SiLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "prelu": nn.PReLU,
}  # fmt: skip
NORMS = (nn.GroupNorm, nn.InstanceNorm2d, nn.BatchNorm2d)


def made(name: str = "unet-small", **changes: str) -> nn.Module:
    task: Task = "segmentation" if "unet" in name else "classification"
    return build(name, size=32, classes=2, task=task, seed=3, **changes)


def kinds_in(model: nn.Module) -> list[type[nn.Module]]:
    return [type(layer) for layer in model.modules()]


def test_the_small_unet_has_the_weights_that_the_literature_is_measured_on() -> None:
    assert sum(p.numel() for p in made().parameters()) == 162_577


def test_config_and_networks_speak_of_the_same_variants() -> None:
    assert tuple(ACTIVATIONS) == NAMED_ACTIVATIONS == tuple(KINDS)
    assert NORMALISATIONS == NAMED_NORMALISATIONS


@pytest.mark.parametrize("name", ["unet-small", "unet-batchnorm", "resnet9"])
@pytest.mark.parametrize("activation", KINDS)
def test_every_activation_is_exchanged_and_no_other_weight(name: str, activation: str) -> None:
    before, after = made(name), made(name, activation=activation)
    assert {k for k in kinds_in(after) if k in KINDS.values()} == {KINDS[activation]}
    ours = {n: p for n, p in after.named_parameters() if "act" not in n.lower()}
    theirs = dict(before.named_parameters())
    shared = [n for n in ours if n in theirs and not n.endswith(".A.weight")]
    assert len(shared) >= 4
    assert all(torch.equal(ours[n], theirs[n]) for n in shared)


@pytest.mark.parametrize("name", ["unet-small", "unet-batchnorm", "cnn", "resnet9"])
@pytest.mark.parametrize(
    ("normalisation", "kind"),
    [("group", nn.GroupNorm), ("instance", nn.InstanceNorm2d), ("none", None)],
)
def test_every_normalisation_is_exchanged(
    name: str, normalisation: str, kind: type[nn.Module] | None
) -> None:
    model = made(name, normalisation=normalisation)
    assert {k for k in kinds_in(model) if k in NORMS} == ({kind} if kind else set())
    outputs = model(torch.rand(2, 1, 32, 32))
    assert outputs.isfinite().all()
    outputs.sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_a_network_put_in_instance_norm_learns_its_scale_and_shift() -> None:
    norms = [
        m for m in made(normalisation="instance").modules() if isinstance(m, nn.InstanceNorm2d)
    ]
    assert norms
    assert all(norm.affine and not norm.track_running_stats for norm in norms)


def test_the_same_names_give_the_same_network() -> None:
    one, two = (made(activation="prelu", normalisation="instance") for _ in range(2))
    batch = torch.rand(2, 1, 32, 32)
    assert torch.equal(one(batch), two(batch))


def test_its_own_activation_and_norm_put_in_again_change_nothing() -> None:
    batch = torch.rand(2, 1, 32, 32)
    assert torch.equal(made()(batch), made(activation="elu", normalisation="group")(batch))


def test_scale_and_shift_that_a_norm_had_are_kept() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).double().eval()
    with torch.no_grad():
        model[1].weight.uniform_(1, 2)
        model[1].bias.uniform_(1, 2)
    changed = variant(model, normalisation="instance")
    assert torch.equal(changed[1].weight, model[1].weight)
    assert torch.equal(changed[1].bias, model[1].bias)
    assert changed[1].weight.dtype == torch.float64
    assert not changed[1].training
    assert isinstance(model[1], nn.BatchNorm2d), "the person's own network stays as it is"


def test_a_layer_that_two_places_share_is_exchanged_in_both() -> None:
    act = nn.ReLU()
    changed = variant(nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act), activation="silu")
    assert isinstance(changed[1], nn.SiLU)
    assert changed[1] is changed[3]


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.first(x))


@pytest.mark.parametrize("field", ["activation", "normalisation"])
def test_a_network_without_such_layers_is_refused_in_one_sentence(field: str) -> None:
    change = {"activation": "silu"} if field == "activation" else {"normalisation": "none"}
    with pytest.raises(BadInput, match=f"has no {field} layer to exchange") as refused:
        variant(Functional(), **change)
    assert refused.value.field == field


@pytest.mark.parametrize(("field", "name"), [("activation", "swish"), ("normalisation", "batch")])
def test_an_unknown_name_is_refused(field: str, name: str) -> None:
    with pytest.raises(BadInput, match=name) as refused:
        variant(made("cnn"), **{field: name})
    assert refused.value.field == field
