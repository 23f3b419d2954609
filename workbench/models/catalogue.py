"""Networks by name, all taking ``(B, 1, size, size)``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from workbench.errors import BadInput
from workbench.models.cnn import small_cnn
from workbench.models.folded_unet import folded_unet
from workbench.models.losses import Task
from workbench.models.mlp import mlp
from workbench.models.resnet9 import resnet9
from workbench.models.variant import variant


@dataclass(frozen=True)
class Entry:
    """One network of the catalogue.

    Attributes:
        about: what it is, for a person who chooses.
        tasks: what it can be trained for.
        divisor: the side of its input must be a multiple of this.
        make: ``(size, classes, task) -> network``.
    """

    about: str
    tasks: tuple[Task, ...]
    divisor: int
    make: Callable[[int, int, Task], nn.Module]


def build(
    name: str, *, size: int, classes: int, task: Task, seed: int,
    activation: str | None = None, normalisation: str | None = None,
) -> nn.Module:  # fmt: skip
    """Make a network with weights drawn from a seed.

    Args:
        name: a key of ``CATALOGUE``, or ``"package.module:function"`` for your own, a function
            of the keyword arguments ``size``, ``classes`` and ``task`` that returns a module.
        size: side of the square input in pixels.
        classes: number of classes, background included, >= 2.
        task: what it is trained for.
        seed: of the initial weights; the global generator is left as it was.
        activation: put in place of its own, a key of ``models.variant.ACTIVATIONS``; ``None``
            leaves it. The weights are those that the seed gives without it.
        normalisation: put in place of its own, one of ``models.variant.NORMALISATIONS``; the same.

    Returns:
        A module in training mode. Segmentation gives logits ``(B, 1, H, W)`` for two classes,
        else ``(B, classes, H, W)``; classification ``(B, classes)``.

    Raises:
        BadInput: the name is unknown, or the network cannot do this task or size, or has no
            activation or normalisation to exchange.
    """
    make = _own(name) if ":" in name else _from_catalogue(name, size, task)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = make(size, classes, task)
    return variant(made, activation=activation, normalisation=normalisation)


def _from_catalogue(name: str, size: int, task: Task) -> Callable[[int, int, Task], nn.Module]:
    if name not in CATALOGUE:
        raise BadInput(
            f"There is no model {name!r}; choose {', '.join(CATALOGUE)}, "
            "or name your own as package.module:function.",
            field="model",
        )
    entry = CATALOGUE[name]
    if task not in entry.tasks:
        fitting = ", ".join(key for key, other in CATALOGUE.items() if task in other.tasks)
        raise BadInput(f"Model {name} is not made for {task}; choose {fitting}.", field="model")
    if size % entry.divisor:
        raise BadInput(
            f"Model {name} takes images whose side is a multiple of {entry.divisor} pixels, "
            f"not {size}; choose another image size.",
            field="image_size",
        )
    return entry.make


def _own(name: str) -> Callable[[int, int, Task], nn.Module]:
    module_name, _, function_name = name.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"Your model {name} cannot be found ({error}); "
            "name an importable module and a function in it.",
            field="model",
        ) from None
    return lambda size, classes, task: function(size=size, classes=classes, task=task)


def _logits(classes: int) -> int:
    return 1 if classes == 2 else classes


def _mlp(size: int, classes: int, task: Task) -> nn.Module:
    if task == "classification":
        return mlp(size=size, outputs=classes)
    planes = _logits(classes)
    return nn.Sequential(
        mlp(size=size, outputs=planes * size * size), nn.Unflatten(1, (planes, size, size))
    )


def _unet(size: int, classes: int, task: Task) -> nn.Module:
    del size, task
    return _plain_unet((16, 32, 64, 128, 256), classes)


def _unet_small(size: int, classes: int, task: Task) -> nn.Module:
    del size, task
    return _plain_unet((16, 32, 64, 128), classes)


def _plain_unet(channels: tuple[int, ...], classes: int) -> nn.Module:
    from monai.networks.nets.unet import UNet  # two seconds that other networks need not wait

    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=_logits(classes),
        channels=channels,
        strides=(2,) * (len(channels) - 1),
        num_res_units=0,
        norm=("GROUP", {"num_groups": 4}),
        act="ELU",
    )


def _unet_batchnorm(size: int, classes: int, task: Task) -> nn.Module:
    from monai.networks.nets.unet import UNet

    del size, task
    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=_logits(classes),
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2),
        num_res_units=2,
        norm="BATCH",
    )


def _resnet18(size: int, classes: int, task: Task) -> nn.Module:
    from workbench.models.resnet18 import resnet18  # of MONAI, as above

    del size, task
    return resnet18(classes=classes)


CATALOGUE: dict[str, Entry] = {
    "unet": Entry("U-Net of five levels, GroupNorm, ELU (MONAI)", ("segmentation",), 16, _unet),
    "unet-small": Entry(
        "U-Net of four levels, a quarter of the weights, GroupNorm, ELU (MONAI)",
        ("segmentation",),
        8,
        _unet_small,
    ),
    "unet-folded": Entry(
        "narrow U-Net of five levels on pixels folded two by two, GroupNorm, ELU; for 128 pixels",
        ("segmentation",),
        32,
        lambda size, classes, task: folded_unet(planes=_logits(classes)),
    ),
    "unet-batchnorm": Entry(
        "U-Net as it is often used, with BatchNorm and residual units (MONAI); "
        "private training replaces the BatchNorm",
        ("segmentation",),
        8,
        _unet_batchnorm,
    ),
    "cnn": Entry(
        "three convolutions and a linear layer, ELU",
        ("classification",),
        8,
        lambda size, classes, task: small_cnn(size=size, classes=classes),
    ),
    "resnet9": Entry(
        "ResNet-9 with GroupNorm, ELU",
        ("classification",),
        16,
        lambda size, classes, task: resnet9(classes=classes),
    ),
    "resnet18": Entry(
        "ResNet-18 with GroupNorm, ReLU (MONAI); eleven million weights, for 64 pixels or more",
        ("classification",),
        1,
        _resnet18,
    ),
    "mlp": Entry(
        "one hidden layer; its gradient gives the input away exactly",
        ("segmentation", "classification"),
        1,
        _mlp,
    ),
}
