"""The U-Net on folded pixels."""

from __future__ import annotations

import torch
from torch import nn

from workbench.models.folded_unet import folded_unet
from workbench.models.standardised import standardised_layers


def test_the_mask_is_as_large_as_the_picture_for_every_size_it_can_halve() -> None:
    model = folded_unet(planes=3)
    for side in (32, 64, 96):
        assert model(torch.zeros(2, 1, side, 2 * side)).shape == (2, 3, side, 2 * side)


def test_no_convolution_computes_at_full_resolution() -> None:
    model, sides = folded_unet(planes=1), []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, __, out: sides.append(out.shape[-1]))
    model(torch.zeros(1, 1, 64, 64))
    assert sides == [32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 32]


def test_every_pixel_has_a_logit_of_its_own() -> None:
    mask = folded_unet(planes=1)(torch.rand(1, 1, 32, 32))
    blocks = mask.reshape(16, 2, 16, 2)
    assert (blocks[:, 0] != blocks[:, 1]).all()
    assert (blocks[..., 0] != blocks[..., 1]).all()


def test_all_filters_but_the_last_can_be_standardised() -> None:
    model = folded_unet(planes=1)
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert standardised_layers(model) == convolutions[:-1]
    assert all(layer.bias is None for layer in convolutions[:-1])


def test_each_slice_is_segmented_by_itself() -> None:
    model, slices = folded_unet(planes=1), torch.rand(3, 1, 32, 32)
    alone = torch.cat([model(one[None]) for one in slices])
    torch.testing.assert_close(model(slices), alone, atol=1e-5, rtol=1e-5)
