"""The case that is audited: natural records, canaries, coins and a network, checked and ready."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn

from workbench.auditing.config import AuditConfig
from workbench.auditing.exam import PULL, Exam, Records, public_divisor
from workbench.auditing.fair import fair_coins
from workbench.auditing.networks import network_of, tasks_of
from workbench.auditing.probes.bench import Bench
from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet
from workbench.models.losses import Task
from workbench.training.plan import targets_of

PHANTOMS = {
    "classification": "phantom-lesion:patients=32,slices=8",
    "segmentation": "phantom-liver:patients=32,slices=8",
}
"""Natural records where no others are named: drawn once, and they cost nobody any privacy."""
SLICES_OF_A_CANARY = 2
"""Of a patient who is a canary: an average over one slice would hide a missing average."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Everything that an audit shows to a training.

    Attributes:
        config: of the audit.
        task: what the network is trained for.
        natural: records without a canary among them, unit after unit.
        network: fit for per-record gradients; every exam gets a copy.
        surgery: what had to be replaced in it, in sentences.
        members: bool ``(M,)``, which canaries are put among the records.
    """

    config: AuditConfig
    task: Task
    natural: Records
    network: nn.Module
    surgery: tuple[str, ...]
    members: np.ndarray

    def exam(self, watch: Callable[[int], None] = lambda taken: None) -> Exam:
        """The sitting with canaries, as the claim says it should be."""
        config, records = self.config, self.records
        return Exam(
            records=records,
            network=copy.deepcopy(self.network),
            coordinates=len(self.members) + config.nulls,
            task=self.task,
            sample_rate=config.sample_rate,
            noise_multiplier=config.noise_multiplier,
            max_grad_norm=config.max_grad_norm,
            steps=config.steps,
            expected_units=public_divisor(config.sample_rate, records.unit_count),
            physical_batch=config.physical_batch,
            optimizer=config.optimizer,
            watch=watch,
        )

    @property
    def bench(self) -> Bench:
        """What the probes' short exams are made of."""
        return Bench(
            natural=self.natural,
            network=self.network,
            task=self.task,
            max_grad_norm=self.config.max_grad_norm,
            options={
                "physical_batch": self.config.physical_batch,
                "optimizer": self.config.optimizer,
            },
        )

    @cached_property
    def records(self) -> Records:
        """Natural records, and behind them the canaries whose coin fell so."""
        natural = self.natural
        each = SLICES_OF_A_CANARY if self.config.unit == "patient" else 1
        coordinates = np.repeat(np.flatnonzero(self.members) + 1, each)
        like = torch.arange(len(coordinates)) % len(natural)
        units = natural.unit_count + np.arange(len(coordinates)) // each
        return Records(
            images=torch.cat([natural.images, natural.images[like]]),
            targets=torch.cat([natural.targets, natural.targets[like]]),
            coordinates=torch.cat([natural.coordinates, torch.from_numpy(coordinates)]),
            units=np.concatenate([natural.units, units]),
            pulls=torch.cat([natural.pulls, torch.full((len(like),), PULL)]),
        )


def make_case(config: AuditConfig, slices: SliceSet) -> Case:
    """Lay out the records and build the network.

    Args:
        config: of the audit.
        slices: natural records, square, with targets.

    Raises:
        BadInput: slices, task and network do not fit together, or there are too few slices.
    """
    able = tasks_of(config.network)
    task = config.task or (slices.task if slices.task in able else able[0])
    network, surgery = network_for(config.network, slices, task)
    natural = _natural(slices, task, by_patient=config.unit == "patient")
    if natural.unit_count < 2:
        raise BadInput(
            f"{slices.name} has only one {config.claim.unit}; an audit needs at least two.",
            field="data",
        )
    coins = config.members
    return Case(
        config=config,
        task=task,
        natural=natural,
        network=network,
        surgery=surgery,
        members=fair_coins(config.canaries) if coins is None else np.array(coins),
    )


def source_of(config: AuditConfig) -> str:
    """Where the natural records come from."""
    return config.data or PHANTOMS[config.task or tasks_of(config.network)[0]]


def network_for(name: str, slices: SliceSet, task: Task) -> tuple[nn.Module, tuple[str, ...]]:
    """The network of this name for these slices, and what had to be replaced in it.

    Raises:
        BadInput: the slices have no targets of the task, or do not fit the network.
    """
    held = slices.masks if task == "segmentation" else slices.labels
    if held is None:
        wanted = "masks" if task == "segmentation" else "labels"
        raise BadInput(
            f"{slices.name} has no {wanted} for {task}; choose other data or another network.",
            field="data",
        )
    classes = max(len(slices.classes), int(held.max()) + 1, 2)
    return network_of(name, size=slices.width, classes=classes, task=task)


def natural_records(slices: SliceSet, task: Task, order: np.ndarray, units: np.ndarray) -> Records:
    """These slices as records without a canary.

    Args:
        slices: with targets of the task.
        task: what is trained.
        order: int ``(N,)``, which slices.
        units: int ``(N,)``, whose they are.
    """
    return Records(
        images=torch.from_numpy(slices.images[order]),
        targets=targets_of(task, slices, order),
        coordinates=torch.zeros(len(order), dtype=torch.int64),
        units=units,
        pulls=torch.ones(len(order)),
    )


def _natural(slices: SliceSet, task: Task, *, by_patient: bool) -> Records:
    if by_patient:
        order = np.argsort(slices.patients, kind="stable")
        units = np.unique(slices.patients[order], return_inverse=True)[1]
    else:
        order = units = np.arange(len(slices))
    return natural_records(slices, task, order, units)
