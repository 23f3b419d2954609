"""What a network keeps of the records that it was shown."""

import pytest
import torch
from monai.networks.layers.vector_quantizer import EMAQuantizer
from odd_layers import EXAMPLE, UPDATES, Keeps, OwnBatchNorm, network_with, refused
from torch import Tensor, nn

from workbench.models.fitness import make_fit
from workbench.models.stand_in import materialised


@pytest.mark.parametrize("step", UPDATES.values(), ids=UPDATES)
def test_a_buffer_that_changes_is_named(step: object) -> None:
    assert "layer 1 (Keeps) updates kept in the forward pass" in refused(network_with(Keeps(step)))


def test_a_buffer_that_changes_in_the_backward_pass_is_named() -> None:
    def counts(own: Keeps, *_: object) -> None:
        own.kept.add_(1)

    layer = Keeps(lambda kept, x: kept)
    layer.register_full_backward_hook(counts)
    assert "layer 1 (Keeps) updates kept" in refused(network_with(layer))


def test_the_first_input_of_a_lazy_layer_leaves_nothing_in_buffers() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), Keeps(UPDATES["largest seen"]))
    first = materialised(model, EXAMPLE)
    assert first[0].weight.shape == (4, 1, 3, 3)
    assert not first[1].kept.any()
    assert "layer 1 (Keeps) updates kept" in refused(model)


def test_own_running_statistics_and_moving_codebooks_are_named() -> None:
    assert "layer 1 (OwnBatchNorm) updates mean" in refused(
        network_with(OwnBatchNorm(statistics=True))
    )
    quantizer = EMAQuantizer(spatial_dims=2, num_embeddings=8, embedding_dim=4)

    class Quantized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.codes = quantizer

        def forward(self, x: Tensor) -> Tensor:
            return self.codes(x)[0]

    assert "layer 1.codes (EMAQuantizer) updates" in refused(network_with(Quantized()))


def test_weights_that_a_forward_changes_are_named() -> None:
    class Drifts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.centre = nn.Parameter(torch.zeros(()), requires_grad=False)

        def forward(self, x: Tensor) -> Tensor:
            self.centre.lerp_(x.detach().mean(), 0.1)
            return x - self.centre

    assert "layer 1 (Drifts) updates centre" in refused(network_with(Drifts()))


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

    assert "layer 1 (Remembers) answers otherwise once it was shown other" in refused(
        network_with(Remembers())
    )


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
