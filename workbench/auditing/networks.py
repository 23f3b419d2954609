"""The network that is trained under audit."""

from __future__ import annotations

import re

import torch
from torch import nn

from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task

REFLECTING = "cnn-reflect"
"""The small CNN with pictures continued by their mirror image instead of by zeros."""


def tasks_of(network: str) -> tuple[Task, ...]:
    """What a network can be trained for, its usual task first; of one's own, either."""
    if network in CATALOGUE:
        return CATALOGUE[network].tasks
    return ("classification",) if network == REFLECTING else ("classification", "segmentation")


def refuse_finished(name: str) -> None:
    """Refuse what names a model and not an architecture.

    Raises:
        BadInput: it is a run or a file of weights.
    """
    if re.fullmatch(r"train-\d{8}-.*|.*\.(pt|pth|ckpt|safetensors|npz)", name):
        raise BadInput(
            f"{name} is a model that was trained already, on data that this audit does not know: "
            "name an architecture, which the audit trains itself, or ask workbench audit "
            "membership about finished runs.",
            field="network",
        )


def network_of(
    name: str, *, size: int, classes: int, task: Task
) -> tuple[nn.Module, tuple[str, ...]]:
    """The network, made fit for per-record gradients as a private training makes it.

    Args:
        name: from the catalogue, ``"cnn-reflect"``, or ``"package.module:function"``.
        size: side of its input in pixels.
        classes: how many a label or a mask can name, background included.
        task: what it is trained for.

    Returns:
        It, and what had to be replaced in it, in sentences.

    Raises:
        BadInput: there is no such network, or it does not fit.
    """
    try:
        network = build(
            name.removesuffix("-reflect") if name == REFLECTING else name,
            size=size, classes=classes, task=task, seed=0,
        )  # fmt: skip
    except BadInput as error:
        renamed = {"model": "network", "image_size": "size"}
        raise BadInput(error.message, field=renamed.get(error.field or "", error.field)) from None
    if name == REFLECTING:
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.padding_mode = "reflect"
    fit, findings = make_fit(network, example=torch.zeros(2, 1, size, size))
    return fit, tuple(str(found) for found in findings)
