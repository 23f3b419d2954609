"""The network of an attack: built, mended, trained or not, and checked."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from workbench.attacks.config import AttackConfig
from workbench.attacks.differentiable import refuse_not_differentiable
from workbench.attacks.threat import READ_OFF
from workbench.attacks.trained import load_trained
from workbench.errors import BadInput
from workbench.models.catalogue import build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task


def network_of(
    config: AttackConfig, task: Task, classes: int, home: Path | None
) -> tuple[nn.Module, tuple[str, ...]]:
    """The network that the config names, fit for per-record gradients.

    Args:
        config: of the attack.
        task: what it does.
        classes: how many a label or a mask can name, background included.
        home: folder of the workspace that holds the training whose weights are wanted; ``None``
            for the person's own.

    Returns:
        It in training mode, and what had to be replaced in it, in sentences.

    Raises:
        BadInput: it cannot be built, mended or given these weights, draws random numbers, does
            not take this size, or cannot be differentiated twice, which every search needs.
    """
    network, findings = make_fit(_built(config, task, classes), surgery=config.surgery)
    refuse_dropout(network)
    _refuse_size(network, config.size)
    if config.trained is not None:
        load_trained(network, config, home)
    network.train()
    if config.attack not in READ_OFF:
        refuse_not_differentiable(network, task, config.size)
    return network, tuple(str(found) for found in findings)


def _built(config: AttackConfig, task: Task, classes: int) -> nn.Module:
    try:
        return build(
            config.model, size=config.size, classes=classes, task=task, seed=config.seed,
            activation=config.activation, normalisation=config.normalisation,
        )  # fmt: skip
    except BadInput as error:
        field = "size" if error.field == "image_size" else error.field
        raise BadInput(error.message, field=field) from None


def refuse_dropout(network: nn.Module) -> None:
    """Refuse a network that leaves out parts at random.

    Raises:
        BadInput: naming the first such layer.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:
            raise BadInput(
                f"Layer {name} is a {type(layer).__name__} with p = {layer.p:g}, which draws a "
                "mask that the attacker does not know; set its p to 0.",
                field="model",
            )


def _refuse_size(network: nn.Module, size: int) -> None:
    """Send one picture through, so that a network that cannot take it says so here."""
    try:
        with torch.no_grad():
            network(torch.zeros(1, 1, size, size))
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"The network cannot take slices of {size} x {size} pixels ({reason}); "
            "choose another size.",
            field="size",
        ) from None
