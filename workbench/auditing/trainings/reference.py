"""The workbench's own training loop, laid out in parts that can be exchanged one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from workbench.auditing.exam import Exam, Training
from workbench.auditing.trainings.quiet import quiet
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine
from workbench.dpsgd.randomness import RandomStream, SecureStream
from workbench.dpsgd.sampler import Units, draw_records
from workbench.training.batches import chunks

Draws = Callable[[Units, float, RandomStream], Iterator[np.ndarray]]
"""From units, sample rate and randomness to draw after draw of record numbers, a unit's records
side by side, without an end."""

MakeEngine = Callable[[Exam, RandomStream], GradientEngine]
"""From an exam and the source of the noise to the engine that takes its gradients."""


def poisson(units: Units, sample_rate: float, stream: RandomStream) -> Iterator[np.ndarray]:
    """Draws of the workbench's own sampler."""
    while True:
        yield draw_records(units, sample_rate, stream)


def steps_asked(exam: Exam) -> int:
    """As many steps as the exam asks for."""
    return exam.steps


def engine_named(name: str) -> MakeEngine:
    """The workbench's own engine of this name, a key of ``ENGINES``.

    Opacus' engines come unguarded, so that an audit can show what their guard is for.
    """

    def make(exam: Exam, noise: RandomStream) -> GradientEngine:
        return make_engine(
            name,
            exam.model,
            max_grad_norm=exam.max_grad_norm,
            noise_multiplier=exam.noise_multiplier,
            expected_units=exam.expected_units,
            stream=noise,
            guarded=False,
        )

    return make


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the loop is made of; the parts that stand here by default are correct.

    Attributes:
        engine: makes what clips, adds noise and scales.
        draws: which records come in each step.
        steps: how many steps are taken.
        noise: makes the source of the noise.
    """

    engine: MakeEngine
    draws: Draws = poisson
    steps: Callable[[Exam], int] = steps_asked
    noise: Callable[[], RandomStream] = SecureStream


def reference(parts: Parts) -> Training:
    """The loop of ``training.loop`` without everything that is not the mechanism."""

    def train(exam: Exam) -> None:
        of_record = exam.records.units
        # Draws look at the numbers alone; whatever has one is sampled and clipped as a whole.
        units = Units(unit="patient", of_record=of_record, count=exam.records.unit_count)
        draws = parts.draws(units, exam.sample_rate, SecureStream())
        optimizer = optimizer_of(exam)
        engine = parts.engine(exam, parts.noise())
        with quiet(), ExitStack() as stack:
            stack.callback(engine.detach)
            for drawn in islice(draws, parts.steps(exam)):
                optimizer.zero_grad()
                for part in chunks(of_record[drawn], exam.physical_batch):
                    losses = exam.forward(engine.model, torch.from_numpy(drawn[part]))
                    engine.accumulate(losses, of_record[drawn[part]])
                engine.release()
                optimizer.step()
                exam.observe()

    return train


def optimizer_of(exam: Exam) -> torch.optim.Optimizer:
    """What the exam names, over everything that its model trains."""
    kind = torch.optim.Adam if exam.optimizer == "adam" else torch.optim.SGD
    return kind(exam.model.parameters(), lr=exam.learning_rate)
