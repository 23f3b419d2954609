"""Is what null coordinates show independent Gaussian noise of the claimed size?

No record moves them, so they hold noise and nothing else.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.stats import binom, chi2, kurtosistest, norm

from workbench.auditing.claim import Claim
from workbench.auditing.finding import Finding
from workbench.auditing.transcript import Transcript

_TAIL = 100
"""How many values of a correct noise are expected beyond the limit of the tail test."""
_PRODUCTS = 1000
"""A correlation is asked of as many products at least, whose sum is then normal enough."""
_AT_ONCE = 256


def noise_law(transcript: Transcript, claim: Claim) -> tuple[Finding, ...]:
    """Size, shape and independence of the noise.

    Args:
        transcript: of a training with the claim's noise; needs 1,000 null values or more.
        claim: whose noise multiplier is the standard deviation that nulls should have.

    Returns:
        One finding for values that are not finite, if there are any; else one for the variance
        (chi-square; only too little speaks against the claim), the tails (binomial; the same),
        the kurtosis (Anscombe and Glynn 1983, two-sided) and the correlations over steps and over
        coordinates (all lags, Bonferroni).
    """
    nulls = transcript.nulls.astype(np.float64)
    strange = int(nulls.size - np.isfinite(nulls).sum())
    if strange:
        return (_not_finite(strange, nulls.size),)
    return (
        _variance(nulls, claim.noise_multiplier),
        _tails(nulls, claim.noise_multiplier),
        _kurtosis(nulls),
        _correlation("noise-steps", nulls, "steps"),
        _correlation("noise-coordinates", nulls.T, "coordinates"),
    )


def too_little(squares: float, count: int) -> float:
    """How likely noise of the claimed size shows as little variance, or less (chi-square).

    Args:
        squares: sum of the squares of independent values over the claimed standard deviation.
        count: of the values.
    """
    return float(chi2.cdf(squares, count))


def lag_correlations(values: np.ndarray) -> np.ndarray:
    """Autocorrelations along the first axis, all columns together; the mean is known to be 0.

    Args:
        values: float64 ``(N, M)``, not all 0.

    Returns:
        float64 ``(L,)`` for the lags 1 to L for which there are enough products, each times the
        root of their number: standard normal where all values are independent.
    """
    rows, columns = values.shape
    size = next_fast_len(2 * rows, real=True)
    power = np.zeros(size // 2 + 1)
    for begin in range(0, columns, _AT_ONCE):
        spectrum = rfft(values[:, begin : begin + _AT_ONCE], size, axis=0)
        power += np.square(np.abs(spectrum)).sum(axis=1)
    sums = irfft(power, size)[:rows]
    products = columns * (rows - np.arange(1, rows))
    enough = products >= _PRODUCTS
    variance = sums[0] / values.size
    scores: np.ndarray = sums[1:][enough] / (variance * np.sqrt(products[enough]))
    return scores


def _variance(nulls: np.ndarray, std: float) -> Finding:
    squares = float(np.square(nulls / std).sum())
    measured = math.sqrt(squares / nulls.size)
    more = "more" if measured > 1 else "less"
    return Finding(
        test="noise-variance",
        room="noise",
        p_value=too_little(squares, nulls.size),
        says=f"The noise's standard deviation is {measured:.4f} of what is claimed, "
        f"{abs(measured - 1):.2%} {more}; only less would break the claim.",
        measured=measured,
        expected=1.0,
    )


def _tails(nulls: np.ndarray, std: float) -> Finding:
    rate = min(_TAIL / nulls.size, 0.5)
    limit = float(norm.isf(rate / 2))
    beyond = int((np.abs(nulls) > limit * std).sum())
    return Finding(
        test="noise-tails",
        room="noise",
        p_value=float(binom(nulls.size, rate).cdf(beyond)),
        says=f"{beyond} of {nulls.size} noise values lie beyond {limit:.2f} standard deviations, "
        f"where {rate * nulls.size:.0f} are expected; only fewer would break the claim.",
        measured=float(beyond),
        expected=rate * nulls.size,
    )


def _kurtosis(nulls: np.ndarray) -> Finding:
    scaled = nulls.ravel() / max(np.abs(nulls).max(), 1e-300)
    constant = bool(scaled.std() < 1e-9)
    measured = 0.0 if constant else float(np.mean(scaled**4) / np.mean(scaled**2) ** 2)
    return Finding(
        test="noise-kurtosis",
        room="noise",
        p_value=0.0 if constant else float(kurtosistest(scaled).pvalue),
        says=f"The noise's kurtosis is {measured:.3f}; a Gaussian's is 3.",
        measured=measured,
        expected=3.0,
    )


def _correlation(test: str, values: np.ndarray, over: str) -> Finding:
    scores = lag_correlations(values) if values.any() else np.zeros(0)
    if not len(scores):
        return _uncorrelated(test, f"Too few {over} to compare the noise of different ones.")
    lag = int(np.abs(scores).argmax())
    products = values.shape[1] * (len(values) - 1 - lag)
    measured = float(scores[lag] / np.sqrt(products))
    return Finding(
        test=test,
        room="noise",
        p_value=float(min(1.0, len(scores) * 2 * norm.sf(abs(scores[lag])))),
        says=f"Of the noise of different {over}, that of {over} {lag + 1} apart is the most "
        f"alike: correlation {measured:+.4f} (z = {scores[lag]:+.1f}, {len(scores)} tried).",
        measured=measured,
        expected=0.0,
    )


def _uncorrelated(test: str, says: str) -> Finding:
    return Finding(test=test, room="noise", p_value=1.0, says=says, measured=0.0, expected=0.0)


def _not_finite(strange: int, of: int) -> Finding:
    return Finding(
        test="noise-finite",
        room="noise",
        p_value=0.0,
        says=f"{strange} of {of} released values of coordinates that no record reaches are not "
        "finite.",
        measured=float(strange),
        expected=0.0,
    )
