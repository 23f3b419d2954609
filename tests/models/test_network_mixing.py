"""Records that are mixed where no layer's type tells: found by changing one of them."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from odd_layers import EXAMPLE, MIXERS, Does, OwnBatchNorm, network_with, refused
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.models.fitness import make_fit


class MixedSlopes(torch.autograd.Function):
    """Mixes only the slopes: each record's becomes the batch's mean."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:
        return slope.mean(dim=0, keepdim=True).expand_as(slope)


@pytest.mark.parametrize("mixes", MIXERS.values(), ids=MIXERS)
def test_a_layer_that_mixes_records_is_named(mixes: object) -> None:
    assert "layer 1 (Does) lets one record change what it gives for another" in refused(
        network_with(Does(mixes))
    )


def test_a_layer_that_mixes_in_place_does_not_put_the_blame_on_the_one_before() -> None:
    in_place = Does(lambda x: x.sub_(x.detach().mean(dim=0)))
    assert "layer 1 (Does) lets one record" in refused(network_with(in_place))


def test_mixing_in_the_middle_of_a_forward_is_laid_to_that_forward() -> None:
    assert "layer 1 (OwnBatchNorm) lets one record" in refused(network_with(OwnBatchNorm()))


def test_a_network_whose_own_forward_mixes_is_named_as_such() -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x - x.mean(dim=0))

    with pytest.raises(BadInput, match=r"its own forward \(Whole\) lets one record"):
        make_fit(Whole(), example=EXAMPLE)


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_over_the_wrong_axis_is_found(batch_first: bool) -> None:
    attends = nn.TransformerEncoderLayer(36, 2, 16, batch_first=batch_first)
    model = network_with(nn.Sequential(nn.Flatten(2), attends, nn.Unflatten(2, (6, 6))))
    if batch_first:
        assert make_fit(model, example=EXAMPLE) == (model, [])
    else:
        assert "layer 1.1.self_attn (MultiheadAttention) lets one record" in refused(model)


def test_slopes_that_are_mixed_are_found_though_outputs_are_not() -> None:
    assert "lets one record change" in refused(network_with(Does(MixedSlopes.apply)))


def test_a_layer_is_not_accused_for_putting_records_on_another_axis() -> None:
    rows = nn.Sequential(
        Does(lambda x: x.flatten(2).permute(2, 0, 1)),  # (36, records, 4)
        nn.Linear(4, 4),
        Does(lambda x: x.permute(1, 2, 0).reshape(-1, 4, 6, 6)),
    )
    assert make_fit(network_with(rows), example=EXAMPLE)[1] == []
    assert "layer 1.3 (Does)" in refused(
        network_with(nn.Sequential(*rows, Does(MIXERS["mean of the batch"])))
    )
    inside = nn.Sequential(rows[0], Does(lambda x: x - x.mean(dim=1, keepdim=True)), rows[2])
    assert "layer 1.1 (Does)" in refused(network_with(inside))


def test_mixing_behind_weights_of_zero_is_found() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.gate * x.detach().mean(dim=0)

    assert "layer 1 (Gated) lets one record" in refused(network_with(Gated()))
    model = network_with(Does(MIXERS["mean, detached"]))
    last = nn.Linear(144, 2)
    nn.init.zeros_(last.weight)
    model[4] = last
    with pytest.raises(BadInput, match="layer 1"):
        make_fit(model, example=EXAMPLE)


@pytest.mark.parametrize("counts", [lambda x: x / len(x), lambda x: x + x.new_ones(len(x)).sum()])
def test_a_layer_that_counts_the_records_is_named(counts: Callable[[Tensor], Tensor]) -> None:
    sentence = "layer 1 (Does) gives a record alone something else than among others"
    assert sentence in refused(network_with(Does(counts)))
    dropped = nn.Sequential(nn.Dropout(0.5), Does(counts))
    assert sentence.replace("1", "1.1") in refused(network_with(dropped))


def test_dropout_and_other_draws_are_no_mixing() -> None:
    layers = nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), Does(lambda x: x * torch.rand(1)))
    make_fit(network_with(layers), example=EXAMPLE)
    make_fit(network_with(Does(lambda x: x * random.random() * np.random.rand())), example=EXAMPLE)
