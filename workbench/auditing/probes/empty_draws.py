"""What happens when nobody is drawn? Noise alone must be released, on every parameter."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import binom

from workbench.auditing.claim import Claim
from workbench.auditing.exam import Training
from workbench.auditing.finding import Finding
from workbench.auditing.probes.bench import Bench, in_words
from workbench.auditing.probes.noise_law import too_little

_STEPS = 30
_COORDINATES = 500


def empty_draws(training: Training, bench: Bench, claim: Claim) -> tuple[Finding, ...]:
    """Train with one unit expected in a draw, so that a third of the draws are empty.

    Empty draws also show the noise of every parameter by itself, where the transcript of a whole
    training shows that of the canaries' coordinates only.

    A training that stops there releases nothing, and passes.

    Args:
        training: of which the mechanism is in question.
        bench: what exams are made of.
        claim: whose noise multiplier is asked for.

    Returns:
        Findings about: whether there are empty draws and each counts as a step (binomial; p is 0
        where steps are missing: that nobody came is then seen); and the variance of every
        parameter's noise in them (chi-square, Bonferroni; only too little speaks against it).
    """
    units = bench.kept.unit_count
    exam = bench.exam(
        bench.kept,
        coordinates=_COORDINATES,
        noise_multiplier=claim.noise_multiplier,
        sample_rate=1 / units,
        steps=_STEPS,
    )
    scale = exam.expected_units / (exam.max_grad_norm * claim.noise_multiplier)
    sums: list[dict[str, float]] = []

    def reduce(taken: int) -> None:
        """Keep the sums of squares alone: all gradients of a large network fill the memory."""
        step = exam.released.pop()
        sums.append({n: float((g.double() * scale).square().sum()) for n, g in step.items()})

    exam.watch = reduce
    try:
        training(exam)
    except Exception as error:  # whatever a person's own training says when nobody comes
        return (_refused(error),)
    visits = exam.transcript(np.zeros(0, dtype=bool)).visits
    empty = [step for step, came in zip(sums, visits, strict=True) if not came.any()]
    sizes = {name: p.numel() for name, p in exam.model.named_parameters() if p.requires_grad}
    return (_counted(len(visits), len(empty), units), _everywhere(empty, sizes))


def _counted(steps: int, empty: int, units: int) -> Finding:
    expected = (1 - 1 / units) ** units
    missing = steps < _STEPS
    return Finding(
        test="empty-counted",
        room="sampler",
        p_value=0.0 if missing else float(binom(steps, expected).cdf(empty)),
        says=f"{steps} of {_STEPS} steps were released, {empty} of them with nobody drawn, where "
        f"{expected * steps:.0f} are expected"
        + ("; a step that is left out tells that nobody came." if missing else "."),
        measured=float(empty),
        expected=expected * steps,
    )


def _refused(error: Exception) -> Finding:
    return Finding(
        test="empty-counted",
        room="sampler",
        p_value=1.0,
        says=f"The training stops where nobody is drawn: {in_words(error)}.",
        measured=0.0,
        expected=0.0,
    )


def _everywhere(empty: list[dict[str, float]], sizes: dict[str, int]) -> Finding:
    if not empty:
        return _finding(1.0, "No draw was empty, so none could be looked at.", 0.0)
    squares = {name: sum(step[name] for step in empty) for name in sizes}
    strange = [name for name, total in squares.items() if not math.isfinite(total)]
    if strange:
        return _finding(0.0, f"After an empty draw {strange[0]} is no longer finite.", 0.0)
    counts = {name: size * len(empty) for name, size in sizes.items()}
    tested = {name: too_little(squares[name], counts[name]) for name in sizes}
    worst = min(tested, key=lambda name: tested[name])
    measured = math.sqrt(squares[worst] / counts[worst])
    return _finding(
        min(1.0, len(tested) * tested[worst]),
        f"In {len(empty)} empty draws the noise is least on {worst.removeprefix('network.')}: "
        f"{measured:.3f} of the claimed standard deviation.",
        measured,
    )


def _finding(p_value: float, says: str, measured: float) -> Finding:
    return Finding(
        test="noise-everywhere",
        room="noise",
        p_value=p_value,
        says=says,
        measured=measured,
        expected=1.0,
    )
