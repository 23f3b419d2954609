"""The case that is attacked: slices, targets and network, checked and ready."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.imaging.loading import loading
from workbench.imaging.sliceset import SliceSet
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task
from workbench.runs.events import Progress

BRIGHT = 0.7
"""Grey value from which on a pixel counts as bright (bone, in a CT's soft-tissue window)."""

MaskOrigin = Literal["known from file", "thresholded", "none"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Everything that lies on the patients' side.

    Attributes:
        slices: the whole set.
        chosen: int ``(B,)``, which slices are attacked.
        task: what the network does.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        classes: how many a label or a mask can name, background included.
        mask: where the masks come from.
        network: fit for per-record gradients.
        surgery: what had to be replaced in it, in sentences.
    """

    slices: SliceSet
    chosen: np.ndarray
    task: Task
    targets: Tensor
    classes: int
    mask: MaskOrigin
    network: nn.Module
    surgery: tuple[str, ...]

    @property
    def truth(self) -> np.ndarray:
        """float32 ``(B, H, W)``."""
        truth: np.ndarray = self.slices.images[self.chosen, 0]
        return truth

    @property
    def shown_mask(self) -> np.ndarray:
        """uint8 ``(B, H, W)``; all 0 for a classifier."""
        if self.task == "classification":
            return np.zeros(self.truth.shape, dtype=np.uint8)
        return self.targets[:, 0].numpy().astype(np.uint8)


def slices_of(config: AttackConfig) -> Generator[Progress, None, SliceSet]:
    """Load the slices, telling how far it is; returns them.

    Raises:
        BadInput: they cannot be read.
    """
    try:
        return (yield from loading(config.image, size=config.size))
    except BadInput as error:
        renamed = {"data": "image", "image_size": "size"}
        raise BadInput(error.message, field=renamed.get(error.field or "", error.field)) from None


def make_case(config: AttackConfig, slices: SliceSet) -> Case:
    """Choose among the slices and build the network.

    Raises:
        BadInput: a slice shows nothing, or network and slices do not fit together.
    """
    chosen = _choose(slices, config)
    task = config.task or _task(slices, config.model)
    targets, mask, classes = _targets(slices, chosen, task)
    network, surgery = _network(config, task, classes)
    return Case(
        slices=slices, chosen=chosen, task=task, targets=targets, classes=classes, mask=mask,
        network=network, surgery=surgery,
    )  # fmt: skip


def _choose(slices: SliceSet, config: AttackConfig) -> np.ndarray:
    last = config.index + config.batch - 1
    if last >= len(slices):
        field = "index" if config.index >= len(slices) else "batch"
        raise BadInput(
            f"{slices.name} has {len(slices)} slice{'s' if len(slices) > 1 else ''} and "
            f"{config.batch} from number {config.index} on "
            f"{'are' if config.batch > 1 else 'is'} asked for; numbers go from 0 to "
            f"{len(slices) - 1}.",
            field=field,
        )
    chosen = np.arange(config.index, last + 1)
    for number in chosen.tolist():
        picture = slices.images[number]
        if picture.min() == picture.max():
            raise BadInput(
                f"Slice {number} of {slices.name} is one grey value everywhere, so there is "
                "nothing to bring back; choose another slice or window.",
                field="index",
            )
    return chosen


def _task(slices: SliceSet, model: str) -> Task:
    """What the data have targets for, if the model can do it; else what the model can do."""
    able = CATALOGUE[model].tasks if model in CATALOGUE else ("segmentation", "classification")
    return slices.task if slices.task in able else able[0]


def _targets(slices: SliceSet, chosen: np.ndarray, task: Task) -> tuple[Tensor, MaskOrigin, int]:
    """Targets, where masks come from, and the number of classes."""
    if task == "classification":
        if slices.labels is None:
            return torch.zeros(len(chosen), dtype=torch.long), "none", 2
        count = max(len(slices.classes), int(slices.labels.max()) + 1, 2)
        return torch.from_numpy(slices.labels[chosen]).long(), "none", count
    if slices.masks is None:
        bright = slices.images[chosen] > BRIGHT
        return torch.from_numpy(bright.astype(np.int64)), "thresholded", 2
    count = max(len(slices.classes), int(slices.masks.max()) + 1, 2)
    return torch.from_numpy(slices.masks[chosen].astype(np.int64)), "known from file", count


def _network(config: AttackConfig, task: Task, classes: int) -> tuple[nn.Module, tuple[str, ...]]:
    try:
        built = build(config.model, size=config.size, classes=classes, task=task, seed=config.seed)
    except BadInput as error:
        field = "size" if error.field == "image_size" else error.field
        raise BadInput(error.message, field=field) from None
    network, findings = make_fit(built, surgery=config.surgery)
    _refuse_dropout(network)
    _refuse_size(network, config.size)
    return network.train(), tuple(str(found) for found in findings)


def _refuse_dropout(network: nn.Module) -> None:
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
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"The network cannot take slices of {size} x {size} pixels ({reason}); "
            "choose another size.",
            field="size",
        ) from None
