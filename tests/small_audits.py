"""Settings of audits that take a second or two, and slices with labels to audit on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.auditing.audit import audit
from workbench.auditing.config import AuditConfig
from workbench.auditing.exam import Exam
from workbench.runs.events import Event, Finished

SMALL = {"steps": 40, "canaries": 200, "nulls": 1500}
CLAIMED = {"delta": 1e-5, "unit": "slice", "adjacency": "add or remove one"}


def labelled(folder: Path) -> str:
    """An npz of 120 slices, 32 x 32, of thirty patients: is the disc a large one?"""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    radii, middles = rng.uniform(4, 10, 120), rng.uniform(10, 22, (120, 2))
    away = np.hypot(rows - middles[:, :1, None], columns - middles[:, 1:, None])
    images = np.clip(0.3 + 0.5 * (away < radii[:, None, None]), 0, 1).astype(np.float32)
    path = folder / "labelled.npz"
    np.savez(path, images=images, labels=(radii > 7).astype(int), patient=np.arange(120) // 4)
    return str(path)


def finished(events: Iterator[Event]) -> Finished:
    *_, last = events
    assert isinstance(last, Finished)
    return last


def audited(data: str, **settings: Any) -> dict[str, Any]:
    """The result of a small audit."""
    return dict(finished(audit(AuditConfig(data=data, **{**SMALL, **settings}))).result)


def by_hand(exam: Exam) -> None:
    """A training as a person might write it, record by record, with torch alone."""
    import torch

    model, records = exam.model, exam.records
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=exam.learning_rate)
    for _ in range(exam.steps):
        drawn = torch.nonzero(torch.rand(len(records)) < exam.sample_rate).flatten()
        sums = [torch.zeros_like(p) for p in parameters]
        for number in drawn.split(1):
            gradients = torch.autograd.grad(exam.forward(model, number).sum(), parameters)
            norm = torch.stack([g.norm() for g in gradients]).norm()
            if torch.isfinite(norm):
                weight = (exam.max_grad_norm / norm.clamp(min=1e-12)).clamp(max=1.0)
                for total, gradient in zip(sums, gradients, strict=True):
                    total += weight * gradient
        std = exam.noise_multiplier * exam.max_grad_norm
        for parameter, total in zip(parameters, sums, strict=True):
            # Doubles reach farther into the tails than torch's single precision noise does.
            noise = torch.randn(total.shape, dtype=torch.float64) * std
            parameter.grad = ((total + noise) / exam.expected_units).float()
        optimizer.step()
        exam.observe()


def half_noise(exam: Exam) -> None:
    """The same with half of the noise."""
    exam.noise_multiplier /= 2
    by_hand(exam)


def lost_its_numbers(exam: Exam) -> None:
    """A training whose gradients are no numbers from the third step on."""
    seen = exam.observe
    taken = 0

    def spoilt() -> None:
        nonlocal taken
        taken += 1
        for parameter in exam.model.parameters():
            if taken > 2 and parameter.grad is not None:
                parameter.grad.fill_(float("nan"))
        seen()

    exam.observe = spoilt  # type: ignore[method-assign]
    by_hand(exam)


def never_observed(exam: Exam) -> None:
    """A training that shows nothing."""


def on_its_own(exam: Exam) -> None:
    """A training that goes around the exam's model."""
    for _ in range(exam.steps):
        exam.observe()


not_a_function = 3
