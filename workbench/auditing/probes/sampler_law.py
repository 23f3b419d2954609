"""Does every unit come independently, in every step, with the claimed probability?

``visits`` tells which units went through the network in which step.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.stats import binom

from workbench.auditing.claim import Claim
from workbench.auditing.finding import Finding
from workbench.auditing.transcript import Transcript

_FINENESS = 16
_NEGLIGIBLE = 1e-20
_LEFT = 5e-14


def sampler_law(transcript: Transcript, claim: Claim) -> tuple[Finding, ...]:
    """How often units came, how evenly, and whether one coming says something about another.

    Args:
        transcript: of a training at the claim's sample rate.
        claim: whose sample rate is tested.

    Returns:
        Findings about: inclusions altogether (binomial; only too many speak against the claim),
        their spread over units and over steps (two-sided; 0 over steps is a batch of fixed size),
        units that come more than once in 1/q steps (binomial; only too few speak against it: in a
        shuffle none does), and neighbouring steps and units (binomial, two-sided).
    """
    visits, rate = transcript.visits, claim.sample_rate
    return (
        _rate(visits, rate),
        _spread("inclusion-spread", visits.sum(axis=0), len(visits), rate, "Inclusions per unit"),
        _spread("batch-spread", visits.sum(axis=1), visits.shape[1], rate, "Units per step"),
        _repeats(visits, rate),
        _pairs("sampler-steps", visits[:-1:2] & visits[1::2], rate, "one unit came in two steps"),
        _pairs(
            "sampler-units", visits[:, :-1:2] & visits[:, 1::2], rate, "two units came in one step"
        ),
    )


def spread_p_value(counts: np.ndarray, trials: int, rate: float) -> float:
    """How likely independent decisions spread counts as evenly, or as unevenly; two-sided.

    The statistic is the sum of squared standard scores, each rounded to a sixteenth; its law is
    computed exactly, by convolution of what the rounded scores of single counts are. A chi-square
    or gamma law would be wrong by ten times and more where few are expected.

    Args:
        counts: int ``(N,)``, each of as many trials.
        trials: of each count.
        rate: of success, in (0, 1).

    Returns:
        The p-value, not below the 1e-13 that rounding leaves of it.
    """
    outcomes = np.arange(trials + 1)
    chances = binom.pmf(outcomes, trials, rate)
    variance = trials * rate * (1 - rate)
    scores = np.rint(_FINENESS * np.square(outcomes - trials * rate) / variance).astype(int)
    likely = chances > _NEGLIGIBLE
    mean = chances @ scores
    deviation = np.sqrt(chances @ np.square(scores - mean))
    reach = len(counts) * mean + 40 * np.sqrt(len(counts)) * deviation + scores[likely].max()
    size = next_fast_len(int(reach) + 1, real=True)
    one = np.bincount(scores[likely], chances[likely], minlength=size)
    law = np.clip(irfft(rfft(one) ** len(counts), size), 0, None)
    total = int(scores[counts].sum())
    return _two_sided(law[: total + 1].sum() + _LEFT, law[total:].sum() + _LEFT)


def _rate(visits: np.ndarray, rate: float) -> Finding:
    came = int(visits.sum())
    expected = visits.size * rate
    return Finding(
        test="inclusion-rate",
        room="sampler",
        p_value=float(binom.sf(came - 1, visits.size, rate)),
        says=f"Units took part {came} times, where {expected:.0f} are expected "
        f"(q = {came / max(visits.size, 1):.4f}, claimed {rate:g}); only more would break the "
        "claim.",
        measured=came / max(visits.size, 1),
        expected=rate,
    )


def _spread(test: str, counts: np.ndarray, trials: int, rate: float, what: str) -> Finding:
    if rate == 1 or not len(counts):
        return _nothing(test, "Every unit takes part in every step; there is no chance to test.")
    variance = trials * rate * (1 - rate)
    total = float((np.square(counts - trials * rate) / variance).sum())
    return Finding(
        test=test,
        room="sampler",
        p_value=spread_p_value(counts, trials, rate),
        says=f"{what} have {total / len(counts):.3f} times the variance of independent decisions.",
        measured=total / len(counts),
        expected=1.0,
    )


def _repeats(visits: np.ndarray, rate: float) -> Finding:
    length = min(round(1 / rate), len(visits))
    epochs = len(visits) // length if length > 1 else 0
    if not epochs:
        return _nothing("epoch-repeats", "An epoch is a single step; nobody can come twice.")
    counts = visits[: epochs * length].reshape(epochs, length, -1).sum(axis=1)
    twice = int((counts > 1).sum())
    chance = float(binom.sf(1, length, rate))
    expected = counts.size * chance
    return Finding(
        test="epoch-repeats",
        room="sampler",
        p_value=float(binom.cdf(twice, counts.size, chance)),
        says=f"Within {length} steps, {twice} of {counts.size} times a unit came more than once, "
        f"where {expected:.0f} are expected" + ("; this is a shuffle." if not twice else "."),
        measured=float(twice),
        expected=expected,
    )


def _pairs(test: str, both: np.ndarray, rate: float, what: str) -> Finding:
    if rate == 1 or not both.size:
        return _nothing(test, "There is no chance in who takes part, or nobody to compare.")
    came, expected = int(both.sum()), both.size * rate**2
    return Finding(
        test=test,
        room="sampler",
        p_value=_two_sided(
            binom.cdf(came, both.size, rate**2), binom.sf(came - 1, both.size, rate**2)
        ),
        says=f"Of {both.size} pairs of neighbours, {came} times {what}, where {expected:.0f} "
        "are expected.",
        measured=float(came),
        expected=expected,
    )


def _two_sided(below: float, above: float) -> float:
    """Twice the smaller of two tails, each with the value itself in it."""
    return float(min(1.0, 2 * min(below, above)))


def _nothing(test: str, says: str) -> Finding:
    return Finding(test=test, room="sampler", p_value=1.0, says=says, measured=0.0, expected=0.0)
