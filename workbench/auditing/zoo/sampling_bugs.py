"""Other records, more of them, or more often, than the accountant was told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.auditing.exam import Training
from workbench.auditing.trainings.reference import Parts, engine_named, poisson, reference
from workbench.dpsgd.randomness import RandomStream
from workbench.dpsgd.sampler import Units

_ENGINE = engine_named("bookkeeping")


def shuffle() -> Training:
    """Epochs of shuffled batches."""
    return reference(Parts(engine=_ENGINE, draws=_shuffled))


def half_the_rate_claimed() -> Training:
    """Twice the rate that is asked for."""
    return reference(
        Parts(
            engine=_ENGINE,
            draws=lambda units, rate, stream: poisson(units, min(1.0, 2 * rate), stream),
        )
    )


def half_the_steps_charged() -> Training:
    """Twice the steps that are asked for."""
    return reference(Parts(engine=_ENGINE, steps=lambda exam: 2 * exam.steps))


def _shuffled(units: Units, sample_rate: float, stream: RandomStream) -> Iterator[np.ndarray]:
    """``DataLoader(shuffle=True)``: everybody once in an epoch, in batches of one size."""
    batches = max(1, round(1 / sample_rate))
    while True:
        order = np.argsort(stream.uniform(units.count))
        for members in np.array_split(order, batches):
            records = np.flatnonzero(np.isin(units.of_record, members))
            yield records[np.argsort(units.of_record[records], kind="stable")]
