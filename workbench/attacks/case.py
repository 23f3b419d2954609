"""The case that is attacked: slices, targets and network, checked and ready."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attacks.config import AttackConfig
from workbench.attacks.network import network_of
from workbench.attacks.permitted import check_permitted
from workbench.errors import BadInput
from workbench.imaging.loading import loading
from workbench.imaging.sliceset import SliceSet
from workbench.models.catalogue import CATALOGUE
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
        chosen: int ``(B,)``, which slices are attacked, one site after the other.
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
        field = renamed.get(error.field or "", error.field) or "image"
        raise BadInput(error.message, field=field) from None


def make_case(config: AttackConfig, slices: SliceSet, *, home: Path | None = None) -> Case:
    """Choose among the slices and build the network.

    Args:
        config: of the attack.
        slices: the whole set, square.
        home: folder of the workspace that holds the training whose weights are wanted; ``None``
            for the person's own.

    Raises:
        BadInput: a slice shows nothing, network and slices do not fit together, or the attack
            cannot be carried out under this threat model.
    """
    chosen = _choose(slices, config)
    task = config.task or _task(slices, config.model)
    check_permitted(config, task)
    mask = _origin(slices, task)
    targets, classes = targets_of(slices, chosen, task, mask), _classes(slices, task)
    network, surgery = network_of(config, task, classes, home)
    return Case(
        slices=slices, chosen=chosen, task=task, targets=targets, classes=classes, mask=mask,
        network=network, surgery=surgery,
    )  # fmt: skip


def _choose(slices: SliceSet, config: AttackConfig) -> np.ndarray:
    records = config.batch * config.sites
    last = config.index + records - 1
    if last >= len(slices):
        too_many = "batch" if config.index + config.batch > len(slices) else "sites"
        raise BadInput(
            f"{slices.name} has {len(slices)} slice{'s' if len(slices) > 1 else ''} and "
            f"{records} from number {config.index} on "
            f"{'are' if records > 1 else 'is'} asked for; numbers go from 0 to "
            f"{len(slices) - 1}.",
            field="index" if config.index >= len(slices) else too_many,
        )
    chosen = np.arange(config.index, last + 1)
    refuse_blank(slices, chosen)
    return chosen


def refuse_blank(slices: SliceSet, chosen: np.ndarray) -> None:
    """Refuse slices that show nothing.

    Raises:
        BadInput: naming the first one.
    """
    for number in chosen.tolist():
        picture = slices.images[number]
        if picture.min() == picture.max():
            raise BadInput(
                f"Slice {number} of {slices.name} is one grey value everywhere, so there is "
                "nothing to bring back; choose another slice or window.",
                field="index",
            )


def _task(slices: SliceSet, model: str) -> Task:
    """What the data have targets for, if the model can do it; else what the model can do."""
    able = CATALOGUE[model].tasks if model in CATALOGUE else ("segmentation", "classification")
    return slices.task if slices.task in able else able[0]


def _origin(slices: SliceSet, task: Task) -> MaskOrigin:
    if task == "classification":
        return "none"
    return "thresholded" if slices.masks is None else "known from file"


def _classes(slices: SliceSet, task: Task) -> int:
    held = slices.labels if task == "classification" else slices.masks
    return 2 if held is None else max(len(slices.classes), int(held.max()) + 1, 2)


def targets_of(slices: SliceSet, chosen: np.ndarray, task: Task, origin: MaskOrigin) -> Tensor:
    """Masks int64 ``(B, 1, H, W)`` or labels int64 ``(B,)`` of some slices.

    Args:
        slices: the set; labels that it does not have are 0.
        chosen: int ``(B,)``, which of them.
        task: what they are targets of.
        origin: where the masks come from.
    """
    if task == "classification":
        labels = np.zeros(len(chosen)) if slices.labels is None else slices.labels[chosen]
        return torch.from_numpy(labels).long()
    if origin == "thresholded" or slices.masks is None:
        return torch.from_numpy((slices.images[chosen] > BRIGHT).astype(np.int64))
    return torch.from_numpy(slices.masks[chosen].astype(np.int64))
