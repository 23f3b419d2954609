"""Filters in front of a normalisation keep mean 0 and norm 1; nothing else is touched."""

import pytest
import torch
from torch import nn

from workbench.models.catalogue import build
from workbench.models.standardised import standardise, standardised_layers


@pytest.mark.parametrize("name", ["unet", "resnet9"])
def test_a_networks_output_does_not_depend_on_offset_and_scale_of_its_filters(name: str) -> None:
    """What the normalisation takes away, weight standardisation may take away as well."""
    task = "segmentation" if name == "unet" else "classification"
    network = build(name, size=32, classes=2, task=task, seed=0)  # type: ignore[arg-type]
    layers = standardised_layers(network)
    assert len(layers) >= 6
    standardise(layers)
    image = torch.rand(2, 1, 32, 32)
    before = network(image)
    with torch.no_grad():
        for layer in layers:
            layer.weight.mul_(3.0)
            if layer.bias is not None:
                layer.bias.mul_(3.0)
    torch.testing.assert_close(network(image), before, rtol=1e-3, atol=1e-3)


def test_every_filter_has_mean_zero_and_norm_one() -> None:
    network = nn.Sequential(
        nn.Conv2d(2, 6, 3, groups=2),
        nn.GroupNorm(2, 6),
        nn.ConvTranspose2d(6, 4, 2),
        nn.GroupNorm(2, 4),
    )
    layers = standardised_layers(network)
    standardise(layers)
    for layer, filters in zip(layers, (0, 1), strict=True):
        rows = layer.weight.detach().movedim(filters, 0).flatten(1)
        torch.testing.assert_close(rows.mean(1), torch.zeros(len(rows)), atol=1e-6, rtol=0)
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)))


def test_layers_without_a_normalisation_behind_them_and_frozen_ones_stay() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4))
    network[2].weight.requires_grad_(False)
    before = [parameter.clone() for parameter in network.parameters()]
    standardise(standardised_layers(network))
    for was, now in zip(before, network.parameters(), strict=True):
        assert torch.equal(was, now)
