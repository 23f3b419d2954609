"""Fine-tuning trains what it names and leaves the rest."""

import pytest
import torch

from workbench.models.catalogue import build
from workbench.models.trainable import freeze_but


def trained(name: str, part: str) -> list[str]:
    task = "segmentation" if name == "unet" else "classification"
    network = build(name, size=32, classes=2, task=task, seed=0)  # type: ignore[arg-type]
    freeze_but(network, part)
    return [key for key, parameter in network.named_parameters() if parameter.requires_grad]


@pytest.mark.parametrize("name", ["unet", "cnn", "resnet9"])
def test_a_part_holds_the_end_of_the_network(name: str) -> None:
    everything, block, head = (trained(name, part) for part in ("all", "last-block", "head"))
    assert len(head) == 2
    assert head == everything[-2:]
    assert set(head) < set(block) <= set(everything)
    assert block == everything[-len(block) :]


def test_what_is_frozen_has_no_gradient() -> None:
    network = build("cnn", size=16, classes=2, task="classification", seed=0)
    freeze_but(network, "head")
    network(torch.rand(1, 1, 16, 16)).sum().backward()
    with_gradient = [p for p in network.parameters() if p.grad is not None]
    assert len(with_gradient) == 2
