"""Do the books agree: steps counted and charged, the divisor and the public number?"""

from __future__ import annotations

import numpy as np
from scipy.special import polygamma
from scipy.stats import norm

from workbench.auditing.claim import Claim
from workbench.auditing.finding import Finding
from workbench.auditing.transcript import Transcript


def reconcile(transcript: Transcript, claim: Claim) -> tuple[Finding, ...]:
    """Compare what happened with what was written down.

    Args:
        transcript: of a training with the claim's noise.
        claim: whose steps were charged.

    Returns:
        Findings about: steps (p is 0 where more were taken than charged); whether the noise's
        size follows the number of units drawn (two-sided z of the slope between their logarithms,
        -1 where the sum is divided by it); the level at which canaries arrive (z; only more than
        the clipping norm speaks against the claim).
    """
    return (_steps(transcript, claim), _slope(transcript), _level(transcript))


def _steps(transcript: Transcript, claim: Claim) -> Finding:
    more = transcript.steps > claim.steps
    return Finding(
        test="steps-charged",
        room="bookkeeping",
        p_value=0.0 if more else 1.0,
        says=f"{transcript.steps} steps were released, {claim.steps} were charged.",
        measured=float(transcript.steps),
        expected=float(claim.steps),
    )


def _slope(transcript: Transcript) -> Finding:
    nulls = transcript.nulls.astype(np.float64)
    squares = np.square(nulls).sum(axis=1)
    usable = np.isfinite(squares) & (squares > 0)
    drawn = np.log(np.maximum(transcript.drawn[usable], 1))
    away = drawn - drawn.mean() if len(drawn) else drawn
    lever = float(np.square(away).sum())
    slope, score = 0.0, 0.0
    if lever > 0:
        slope = float(away @ np.log(squares[usable])) / (2 * lever)
        # The logarithm of a chi-square with K degrees of freedom has the variance trigamma(K / 2).
        score = slope * 2 * np.sqrt(lever / float(polygamma(1, nulls.shape[1] / 2)))
    return Finding(
        test="divisor-constant",
        room="bookkeeping",
        p_value=float(2 * norm.sf(abs(score))),
        says=f"The noise goes as the number of units drawn to the power {slope:+.3f} "
        f"(z = {score:+.1f}); with a public divisor it does not depend on it.",
        measured=slope,
        expected=0.0,
    )


def _level(transcript: Transcript) -> Finding:
    seen = transcript.signals[:, : len(transcript.members)][transcript.included]
    spread = float(transcript.nulls.std(dtype=np.float64))
    level, p_value = 0.0, 1.0
    if len(seen) and np.isfinite(seen).all() and spread > 0:
        level = float(seen.mean(dtype=np.float64))
        p_value = float(norm.sf((level - 1) * np.sqrt(len(seen)) / spread))
    return Finding(
        test="canary-level",
        room="bookkeeping",
        p_value=p_value,
        says=f"Canaries arrive at {level:.4f} clipping norms on average; only more than 1 would "
        "break the claim.",
        measured=level,
        expected=1.0,
    )
