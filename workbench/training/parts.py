"""Whom a training could learn from, whom it does learn from, and who validates it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.dpsgd.sampler import Units
from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet
from workbench.imaging.splits import train_val
from workbench.models.losses import Task
from workbench.training.config import TrainConfig
from workbench.training.members import coins_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A data set as a training sees it; every slice has the targets of its task only.

    Attributes:
        task: what the network learns.
        fingerprint: of the whole set.
        candidates: slices of everybody who could train; all of them do where no coins are thrown.
        train: those that do.
        validation: slices of other patients.
    """

    task: Task
    fingerprint: str
    candidates: SliceSet
    train: SliceSet
    validation: SliceSet


def parts_of(config: TrainConfig, slices: SliceSet) -> Parts:
    """Take a data set apart.

    Args:
        config: of the training.
        slices: the data that it names.

    Raises:
        BadInput: the slices have no targets for the task, they cannot be split, or no coin fell
            heads.
    """
    task = _task(config, slices)
    segments = task == "segmentation"
    slices = replace(slices, labels=None) if segments else replace(slices, masks=None)
    candidates, validation = train_val(slices, seed=config.split_seed, patients=config.patients)
    return Parts(
        task=task,
        fingerprint=slices.fingerprint,
        candidates=candidates,
        train=candidates if config.members is None else _heads(candidates, config.members),
        validation=validation,
    )


def _task(config: TrainConfig, slices: SliceSet) -> Task:
    has = {"segmentation": slices.masks is not None, "classification": slices.labels is not None}
    task = config.task or slices.task
    if task is None or not has[task]:
        wanted = {"segmentation": "masks", "classification": "labels", None: "masks or labels"}
        raise BadInput(
            f"{slices.name} has no {wanted[task]} to learn from; "
            "choose data that have, or another task.",
            field="task" if config.task else "data",
        )
    return task


def _heads(candidates: SliceSet, members: str) -> SliceSet:
    coins = coins_of(members)
    units = Units.of(candidates.patients, coins.unit)
    heads = coins.heads(units.count)
    if not heads.any():
        raise BadInput(
            f"{candidates.name}: of {units.count} coins none fell heads, so nobody is left to "
            "train on; take other coins, or more data.",
            field="members",
        )
    return candidates.subset(heads[units.of_record])
