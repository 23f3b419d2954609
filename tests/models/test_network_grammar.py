"""Any network of a small grammar, with at most one bad layer anywhere."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_layers import EXAMPLE, MIXERS, UPDATES, Does, Keeps, OwnBatchNorm, refused
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models.fitness import make_fit

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
    sentence = refused(written(layers, BAD[bad](), place))
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
    images[labels == 1, :, 2:6, 2:6] += 1
    optimizer = torch.optim.Adam(fit.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(fit(images), labels).backward()
        optimizer.step()
    assert F.cross_entropy(fit(images), labels).item() < 0.3
