"""What the attack panel must know of the networks without loading torch into the notebook.

``tests/panels/test_attack_panel.py`` holds it against the networks themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from workbench.errors import BadInput

Task = Literal["segmentation", "classification"]


@dataclass(frozen=True)
class Network:
    """One network of the catalogue, as somebody who attacks it sees it.

    Attributes:
        words: in the list of models.
        task: what it does where the slices leave the choice.
        divisor: the side of its input must be a multiple of this.
        smooth: whether it has no kinks, which make a gradient hard to match.
        linear_first: whether its first layer is linear and sees the whole image.
    """

    words: str
    task: Task
    divisor: int
    smooth: bool = True
    linear_first: bool = False


NETWORKS: Final = {
    "unet": Network("U-Net, segments", "segmentation", 16),
    "unet-small": Network("small U-Net, segments", "segmentation", 8),
    "unet-folded": Network("narrow U-Net, segments", "segmentation", 32, smooth=False),
    "unet-batchnorm": Network("U-Net with PReLU, segments", "segmentation", 8, smooth=False),
    "cnn": Network("small CNN, classifies", "classification", 8),
    "resnet9": Network("ResNet-9, classifies", "classification", 16),
    "resnet18": Network("ResNet-18, classifies", "classification", 1, smooth=False),
    "mlp": Network("one hidden layer, segments", "segmentation", 1, linear_first=True),
}


def models_offered(model: str) -> dict[str, str]:
    """Names and words for the list of models; a person's own model stays in it."""
    offered = {name: network.words for name, network in NETWORKS.items()}
    return offered if model in offered else {**offered, model: f"your own: {model}"}


def check_size(model: str, size: int) -> None:
    """Refuse a size that the network cannot halve as often as it does.

    Raises:
        BadInput: the sentence names the sizes nearest to it.
    """
    divisor = NETWORKS[model].divisor if model in NETWORKS else 1
    if size % divisor:
        below = max(16, size // divisor * divisor)
        raise BadInput(
            f"{model} takes slices whose side is a multiple of {divisor} pixels, not {size}; "
            f"{below} and {size // divisor * divisor + divisor} are the nearest.",
            field="size",
        )
