"""How many patients it would take until privacy costs little: a power law through measured runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from workbench.errors import BadInput, check_range
from workbench.exploring.events import Explored
from workbench.exploring.patients_measured import Size, measured_sizes
from workbench.exploring.scores import check_metric

LEVEL: Final = 0.95
_TAIL: Final = (1 - LEVEL) / 2
_DRAWS: Final = 4000
_MOST: Final = 10**9
_FLOOR: Final = 0.1
"""Of the measured gap: a drawn gap that is lower, or negative, counts as this, because it has no
logarithm."""
_FLAT: Final = 1e-9
"""An exponent that is 0 but for rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PatientsNeeded:
    """The answer, and what it rests on.

    Attributes:
        metric: that scores are compared by.
        epsilon: budget of the private runs.
        within: gap that is asked for.
        sizes: what was measured, by number of patients.
        factor, exponent: of the gap ``factor * n ** -exponent``.
        patients: so many are needed by that law.
        low, high: 95 % of the laws drawn by the bootstrap ask for a number between them.
        factors, exponents: ``(4000,)``, those laws.
    """

    metric: str
    epsilon: float
    within: float
    sizes: tuple[Size, ...]
    factor: float
    exponent: float
    patients: int
    low: int
    high: int
    factors: np.ndarray
    exponents: np.ndarray

    @property
    def beyond(self) -> float:
        """How many times the largest measured number the answer is; at most 1 inside."""
        return self.patients / self.sizes[-1].patients

    @property
    def words(self) -> tuple[str, str]:
        """The answer as a sentence, and how far it can be trusted as another one."""
        score = self.metric.replace("_", " ")
        said = (
            f"About {_count(self.patients)} patients to train on, with the settings of this study, "
            f"for {score} within {self.within:g} of non-private at epsilon {self.epsilon:g} "
            f"(95 % interval {_count(self.low)} to {_count(self.high)})."
        )
        largest = self.sizes[-1].patients
        law = f"a power law through {len(self.sizes)} numbers of patients"
        if self.beyond <= 1:
            inside = f"This lies within what was measured (up to {_count(largest)} patients), by "
            return said, f"{inside}{law}."
        return said, (
            f"This is an extrapolation by {law} to {self.beyond:.1f} times the largest that was "
            f"measured ({_count(largest)}); the interval is that of the seeds, and nothing here "
            "can tell whether the law goes on."
        )

    def law(self, patients: np.ndarray) -> np.ndarray:
        """The gap by the law, ``(K,)``."""
        return np.asarray(self.factor * patients**-self.exponent)

    def band(self, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between which gaps 95 % of the drawn laws lie, two arrays ``(K,)``."""
        drawn = self.factors[:, None] * patients[None] ** -self.exponents[:, None]
        low, high = np.quantile(drawn, [_TAIL, 1 - _TAIL], axis=0)
        return low, high


def patients_needed(
    explored: Iterable[Explored], *, epsilon: float, within: float, metric: str | None = None
) -> PatientsNeeded:
    """Follow the gap between private and non-private trainings to larger numbers of patients.

    Learning curves fall by power laws over wide ranges (Hestness et al. 2017). The law is fitted
    by least squares to the logarithms of the mean gaps. Its uncertainty is that of the seeds, by
    a bootstrap (Efron 1979): how far runs lie from the mean of their size is pooled over the
    sizes, with and without privacy apart, because the two or three runs of one size alone say
    little; from this pool runs are drawn again. Deviations are enlarged by the root of
    k / (k - 1), k runs of a size, and by Student's quantile over the normal one. That the gap is
    a power law at all is assumed, and no interval covers it.

    Args:
        explored: finished runs of a study that varies ``patients``.
        epsilon: budget to ask about, finite and > 0; the study must have runs at it.
        within: gap to reach, > 0, in the unit of the metric.
        metric: ``None`` takes the study's own.

    Raises:
        BadInput: fewer than three numbers of patients have two runs or more with and without
            privacy, something else was varied too, or the gap does not fall.
    """
    check_range("within", within, "(0, inf)", hint="0.02 of Dice, for example")
    if not 0 < epsilon < math.inf:
        raise BadInput(f"Ask about a finite epsilon above 0, not {epsilon:g}.", field="epsilon")
    check_metric(metric)
    runs = list(explored)
    chosen = metric or (runs[0].score_name if runs else "dice")
    sizes = measured_sizes(runs, epsilon=epsilon, metric=chosen)
    _refuse_no_gap(sizes, epsilon, within)
    counts = np.array([size.patients for size in sizes], dtype=np.float64)
    factor, exponent = _fitted(counts, np.array([[size.gap for size in sizes]]))
    factors, exponents = _fitted(counts, _drawn(sizes))
    if min(exponent[0], np.quantile(exponents, _TAIL)) < _FLAT:
        raise _no_trend(sizes)
    # A law that does not fall never gets there; fewer than a tail of them are like that.
    answers = np.where(exponents > 0, _answer(factors, exponents, within), math.inf)
    low, high = np.quantile(answers, [_TAIL, 1 - _TAIL], method="lower")
    return PatientsNeeded(
        metric=chosen,
        epsilon=epsilon,
        within=within,
        sizes=sizes,
        factor=float(factor[0]),
        exponent=float(exponent[0]),
        patients=_whole(_answer(factor, exponent, within)[0]),
        low=_whole(low),
        high=_whole(high),
        factors=factors,
        exponents=exponents,
    )


def _refuse_no_gap(sizes: tuple[Size, ...], epsilon: float, within: float) -> None:
    closed = next((size for size in sizes if size.gap <= 0), None)
    if closed is None:
        return
    fewest = next(size for size in sizes if size.gap <= within)
    raise BadInput(
        f"With {closed.patients} patients the trainings at epsilon {epsilon:g} are as good as "
        "those without privacy, so there is no gap to follow; of the numbers that were measured, "
        f"{fewest.patients} is the smallest within {within:g} (its gap is {fewest.gap:.3g}). "
        "Measure smaller numbers, or more seeds, for a law.",
        field="study",
    )


def _no_trend(sizes: tuple[Size, ...]) -> BadInput:
    first, last = sizes[0], sizes[-1]
    return BadInput(
        f"The gap does not fall clearly with the number of patients (from {first.gap:.3g} at "
        f"{first.patients} to {last.gap:.3g} at {last.patients}), so nothing can be extrapolated; "
        "measure more sizes, further apart, or more seeds.",
        field="study",
    )


def _fitted(counts: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares in the logarithms for gaps ``(B, K)`` at ``(K,)``: factors and exponents."""
    across = np.log(counts)
    off = across - across.mean()
    heights = np.log(gaps)
    slopes = heights @ off / (off @ off)
    return np.exp(heights.mean(axis=1) - slopes * across.mean()), -slopes


def _drawn(sizes: tuple[Size, ...]) -> np.ndarray:
    """Gaps of runs that are drawn again, float64 ``(4000, K)``."""
    generator = np.random.default_rng(0)
    gaps = np.array([size.gap for size in sizes])
    private = _deviations([size.private for size in sizes], generator)
    without = _deviations([size.without for size in sizes], generator)
    return np.maximum(gaps + without - private, _FLOOR * gaps)


def _deviations(scores: list[tuple[float, ...]], generator: np.random.Generator) -> np.ndarray:
    """How far the mean of each size could as well lie from where it does, ``(4000, K)``."""
    own = [math.sqrt(len(s) / (len(s) - 1)) * (np.array(s) - np.mean(s)) for s in scores]
    pool, freedom = np.concatenate(own), sum(len(s) - 1 for s in scores)
    wider = float(student.ppf(1 - _TAIL, freedom) / norm.ppf(1 - _TAIL))
    again = [generator.choice(pool, (_DRAWS, len(s))).mean(axis=1) for s in scores]
    return wider * np.stack(again, axis=1)


def _answer(factors: np.ndarray, exponents: np.ndarray, within: float) -> np.ndarray:
    with np.errstate(over="ignore", divide="ignore"):
        return np.asarray((factors / within) ** (1 / exponents))


def _whole(patients: float) -> int:
    """Rounded up; beyond a billion nobody counts."""
    return math.ceil(min(patients, _MOST) - 1e-9)


def _count(patients: int) -> str:
    """Three digits: more would claim too much."""
    if patients >= _MOST:
        return "more than a billion"
    return f"{float(f'{patients:.3g}'):,.0f}"
