"""Is the randomness of one training that of another? Then anybody can replay it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from scipy.stats import hypergeom, norm

from workbench.auditing.claim import Claim
from workbench.auditing.exam import Training
from workbench.auditing.finding import Finding
from workbench.auditing.probes.bench import Bench
from workbench.auditing.transcript import Transcript

_NULLS, _STEPS, _RATE = 1000, 4, 0.5


def freshness(training: Training, bench: Bench, claim: Claim) -> tuple[Finding, ...]:
    """Train twice on the same records and compare noise and draws.

    Args:
        training: of which the mechanism is in question.
        bench: what exams are made of.
        claim: whose noise multiplier is asked for.

    Returns:
        Findings about: the noise of two trainings (z of their correlation, two-sided; it is 1
        where the training sets its seed itself); their draws (hypergeometric; only too much in
        common speaks against the claim); and, as information with p = 1, the noise of two
        trainings begun from the same global seeds of Python, numpy and torch.
    """
    one, other = _sat(training, bench, claim), _sat(training, bench, claim)
    with _replayed():
        first = _sat(training, bench, claim)
    with _replayed():
        second = _sat(training, bench, claim)
    return (_noise(one, other), _draws(one, other), _secret(first, second))


def _sat(training: Training, bench: Bench, claim: Claim) -> Transcript:
    exam = bench.exam(
        bench.kept,
        coordinates=_NULLS,
        noise_multiplier=claim.noise_multiplier,
        sample_rate=_RATE,
        steps=_STEPS,
        whole=False,
    )
    training(exam)
    return exam.transcript(np.zeros(0, dtype=bool))


def _noise(one: Transcript, other: Transcript) -> Finding:
    correlation, count = _correlation(one, other)
    again = abs(correlation) > 0.5
    return Finding(
        test="noise-fresh",
        room="noise",
        p_value=float(2 * norm.sf(abs(correlation) * np.sqrt(count))),
        says=f"The noise of two trainings correlates by {correlation:+.3f}"
        + ("; who trains again knows it and subtracts it." if again else "."),
        measured=correlation,
        expected=0.0,
    )


def _secret(one: Transcript, other: Transcript) -> Finding:
    correlation, _ = _correlation(one, other)
    replayed = abs(correlation) > 0.5
    return Finding(
        test="noise-secret",
        room="noise",
        p_value=1.0,
        says="The noise follows the global random seed: it is as secret as that seed is, which "
        "must never be fixed or published."
        if replayed
        else "The noise does not follow the global random seeds.",
        measured=correlation,
        expected=0.0,
    )


def _correlation(one: Transcript, other: Transcript) -> tuple[float, int]:
    """Correlation of two noises of mean 0, and how many values were compared."""
    steps = min(one.steps, other.steps)
    a, b = (t.nulls[:steps].astype(np.float64).ravel() for t in (one, other))
    length = float(np.sqrt((a @ a) * (b @ b)))
    if not np.isfinite(length) or length == 0:
        return 0.0, a.size
    return float(a @ b) / length, a.size


def _draws(one: Transcript, other: Transcript) -> Finding:
    steps = min(one.steps, other.steps)
    a, b = one.visits[:steps], other.visits[:steps]
    common = int((a & b).sum())
    came = int(a.sum()), int(b.sum())
    expected = came[0] * came[1] / max(a.size, 1)
    return Finding(
        test="sampler-fresh",
        room="sampler",
        p_value=float(hypergeom.sf(common - 1, a.size, *came)),
        says=f"Two trainings drew the same unit in the same step {common} times, where "
        f"{expected:.0f} are expected.",
        measured=float(common),
        expected=expected,
    )


@contextmanager
def _replayed() -> Iterator[None]:
    """All global generators from one known state; afterwards as they were."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
