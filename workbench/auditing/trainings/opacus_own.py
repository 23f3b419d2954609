"""Opacus' own ``PrivacyEngine``, used as its documentation says, and ours in its place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import opacus
import torch
from opacus.utils.batch_memory_manager import BatchMemoryManager
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from workbench.auditing.exam import Exam, Training
from workbench.auditing.trainings.quiet import quiet
from workbench.auditing.trainings.reference import optimizer_of
from workbench.dpsgd.opacus_citizen import BOOKKEEPING
from workbench.dpsgd.opacus_citizen import PrivacyEngine as OwnPrivacyEngine
from workbench.errors import BadInput


def privacy_engine(mode: str) -> Training:
    """A training through ``make_private``: Poisson loader, private optimizer, virtual batches.

    Args:
        mode: Opacus' ``grad_sample_mode``, or ``"bookkeeping"`` for the workbench's engine with
            Opacus' interface, which then draws records and noise securely.
    """

    def train(exam: Exam) -> None:
        with quiet():
            _train(exam, mode)

    return train


def _train(exam: Exam, mode: str) -> None:
    taken = 0

    def look(*_: object) -> None:
        nonlocal taken
        taken += 1
        exam.observe()

    optimizer: Any = optimizer_of(exam)
    # The optimizer that Opacus wraps steps once for every release, virtual batches or not.
    optimizer.register_step_post_hook(look)
    criterion: Any = _Criterion(exam)
    model, optimizer, *private, loader = _engine(mode).make_private(
        module=exam.model.train(),
        optimizer=optimizer,
        criterion=criterion,
        data_loader=_loader(exam),
        noise_multiplier=exam.noise_multiplier,
        max_grad_norm=exam.max_grad_norm,
        grad_sample_mode=mode,
    )
    criterion = private[0] if private else criterion
    while taken < exam.steps:
        with BatchMemoryManager(
            data_loader=loader, max_physical_batch_size=exam.physical_batch, optimizer=optimizer
        ) as batches:
            for (numbers,) in batches:
                optimizer.zero_grad()
                criterion(exam.outputs(model, numbers), numbers).backward()
                optimizer.step()
                if taken == exam.steps:
                    break


class _Criterion(nn.Module):
    """The exam's losses under the contract of torch's: one per record, or their mean."""

    def __init__(self, exam: Exam) -> None:
        super().__init__()
        self.reduction = "mean"
        self._exam = exam

    def forward(self, outputs: tuple[Tensor, Tensor], numbers: Tensor) -> Tensor:
        losses = self._exam.losses(outputs, numbers)
        return losses.mean() if self.reduction == "mean" else losses


def _engine(mode: str) -> Any:
    if mode == BOOKKEEPING:
        return OwnPrivacyEngine(accountant="rdp", secure_mode=True)
    return opacus.PrivacyEngine(accountant="rdp")


def _loader(exam: Exam) -> DataLoader:
    """A loader that Opacus turns into one that samples at the exam's rate: one over its length."""
    count = len(exam.records)
    if exam.records.unit_count < count:
        raise BadInput(
            "Opacus' PrivacyEngine samples and clips slices, not patients; audit it with unit "
            "slice, or choose one of the workbench's engines.",
            field="unit",
        )
    batches = round(1 / exam.sample_rate)
    if not math.isclose(batches * exam.sample_rate, 1):
        raise BadInput(
            f"Opacus' PrivacyEngine samples at 1 over the number of batches, which cannot be "
            f"{exam.sample_rate:g}; choose a sample rate like 0.05 (1 over 20).",
            field="sample_rate",
        )
    parts = [part.tolist() for part in np.array_split(np.arange(count), batches)]
    return DataLoader(TensorDataset(torch.arange(count)), batch_sampler=parts)
