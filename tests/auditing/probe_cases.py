"""Transcripts of correct mechanisms, and a small bench that draws in a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import torch
from scipy.stats import binom

from workbench.auditing.claim import Claim
from workbench.auditing.exam import PULL, Records, Training
from workbench.auditing.finding import Finding
from workbench.auditing.probes.bench import Bench, together
from workbench.auditing.transcript import Transcript
from workbench.models.catalogue import build

STEPS, UNITS, RATE, CANARIES, NULLS = 40, 200, 0.05, 60, 250
NEVER = 1e-9
"""Below this a test has caught something; it happens by chance once in a billion."""


def claim(**changes: object) -> Claim:
    values = {"noise_multiplier": 1.0, "sample_rate": RATE, "steps": STEPS, "delta": 1e-5}
    values |= {"unit": "slice", "adjacency": "add or remove one"} | changes
    return Claim(**values)  # type: ignore[arg-type]


def drawn(
    rng: np.random.Generator,
    *,
    visits: np.ndarray | None = None,
    noise: Callable[[tuple[int, int]], np.ndarray] | None = None,
) -> Transcript:
    """A transcript of :func:`claim`, correct in everything that is not replaced."""
    visits = rng.random((STEPS, UNITS)) < RATE if visits is None else visits
    members = np.arange(CANARIES) % 2 == 0
    included = np.zeros((len(visits), CANARIES), dtype=bool)
    included[:, members] = visits[:, -members.sum() :]
    shape = (len(visits), CANARIES + NULLS)
    signals = rng.standard_normal(shape) if noise is None else noise(shape)
    signals[:, :CANARIES] += included
    return Transcript(
        signals=signals.astype(np.float32), members=members, included=included, visits=visits
    )


def p_of(findings: Iterable[Finding], test: str) -> float:
    return {finding.test: finding.p_value for finding in findings}[test]


def caught(findings: Iterable[Finding]) -> set[str]:
    return {finding.test for finding in findings if finding.p_value < NEVER}


def alarms_at(level: float, p_values: np.ndarray) -> float:
    """P-value of the hypothesis that alarms at this level come at most so often."""
    return float(binom(len(p_values), level).sf((p_values <= level).sum() - 1))


def discs(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright discs on a grey ground, 16 x 16, and whether each is a large one."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    radii = rng.uniform(2, 5, count)
    middles = rng.uniform(5, 11, (count, 2))
    away = np.hypot(rows - middles[:, :1, None], columns - middles[:, 1:, None])
    images = 0.3 + 0.5 * (away < radii[:, None, None]) + rng.normal(0, 0.05, away.shape)
    return torch.from_numpy(images[:, None]).float(), torch.from_numpy(
        (radii > 3.5).astype(np.int64)
    )


@cache
def bench(slices_each: int = 1) -> Bench:
    """Forty units of the small CNN, each of so many slices."""
    images, targets = discs(40 * slices_each, 0)
    return Bench(
        natural=Records(
            images=images,
            targets=targets,
            coordinates=torch.zeros(len(images), dtype=torch.int64),
            units=np.arange(len(images)) // slices_each,
            pulls=torch.ones(len(images)),
        ),
        network=build("cnn", size=16, classes=2, task="classification", seed=0),
        task="classification",
        max_grad_norm=0.7,
    )


def sat(training: Training, claimed: Claim, *, nulls: int, canaries: int = 40) -> Transcript:
    """The transcript of a real training on the bench's records and some canaries."""
    own, coordinates = bench(), np.arange(1, canaries + 1)
    like = torch.arange(canaries) % len(own.natural)
    records = together(
        own.natural,
        Records(
            images=own.natural.images[like],
            targets=own.natural.targets[like],
            coordinates=torch.from_numpy(coordinates),
            units=coordinates - 1,
            pulls=torch.full((canaries,), PULL),
        ),
    )
    exam = own.exam(
        records,
        coordinates=canaries + nulls,
        noise_multiplier=claimed.noise_multiplier,
        sample_rate=claimed.sample_rate,
        steps=claimed.steps,
        whole=False,
    )
    training(exam)
    return exam.transcript(np.ones(canaries, dtype=bool))
