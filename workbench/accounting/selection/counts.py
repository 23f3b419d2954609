"""How many trainings a private selection makes: numbers that are drawn, not chosen."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from scipy.optimize import brentq

from workbench.errors import BadInput, check_choice, check_range

Kind = Literal["logarithmic", "geometric", "poisson"]

KINDS: Final[tuple[Kind, ...]] = ("logarithmic", "geometric", "poisson")
"""The distributions that have a name; as a rule the winner costs least with the first."""

MOST_RUNS: Final = 10_000
"""Largest number of runs to expect."""

_LEAST_LOG_GAMMA = -700.0
_BITS = 53


@dataclass(frozen=True, kw_only=True)
class NegativeBinomial:
    """The truncated negative binomial distribution (Papernot, Steinke 2022, Definition 1).

    It never gives 0. With shape 1 it is the geometric distribution, with shape 0 the logarithmic.

    Attributes:
        shape: eta, > -1; the smaller, the less the winner costs and the more often there is a
            single run.
        gamma: in (0, 1]; the smaller, the more runs; 1 is always one run.

    Raises:
        BadInput: a value lies outside its range.
    """

    shape: float
    gamma: float

    def __post_init__(self) -> None:
        check_range("shape", self.shape, "(-1, inf)")
        check_range("gamma", self.gamma, "(0, 1]")

    @property
    def mean(self) -> float:
        """Expected number of runs, >= 1."""
        return _mean(self.shape, math.log(self.gamma))

    def masses(self) -> Iterator[tuple[int, float]]:
        """Numbers of runs from the smallest on, each with its probability, without end."""
        count, mass = 1, self._of_one()
        while True:
            yield count, mass
            mass *= (1 - self.gamma) * (count + self.shape) / (count + 1)
            count += 1

    def _of_one(self) -> float:
        if self.gamma == 1:
            return 1.0
        log_gamma = math.log(self.gamma)
        if self.shape == 0:
            return (1 - self.gamma) / -log_gamma
        return (1 - self.gamma) * self.shape / math.expm1(-self.shape * log_gamma)

    def __str__(self) -> str:
        name = {0.0: "logarithmic", 1.0: "geometric"}.get(self.shape)
        named = f"{name} distribution" if name else f"negative binomial, shape {self.shape:g}"
        return f"{named}, {self.mean:.4g} expected"


@dataclass(frozen=True, kw_only=True)
class Poisson:
    """The Poisson distribution, which may give 0: then nothing is trained and nothing shown.

    Attributes:
        mean: expected number of runs, 1 to 10,000.

    Raises:
        BadInput: the mean lies outside its range.
    """

    mean: float

    def __post_init__(self) -> None:
        _check_mean(self.mean)

    def masses(self) -> Iterator[tuple[int, float]]:
        """Numbers of runs from the smallest on, each with its probability, without end."""
        count = 0
        while True:
            log_mass = count * math.log(self.mean) - self.mean - math.lgamma(count + 1)
            yield count, math.exp(log_mass)
            count += 1

    def __str__(self) -> str:
        return f"Poisson distribution, {self.mean:.4g} expected, possibly none"


RunCount = NegativeBinomial | Poisson


def run_count(kind: str, mean: float) -> RunCount:
    """A named distribution with this expected number of runs.

    Args:
        kind: one of :data:`KINDS`.
        mean: 1 to 10,000.

    Raises:
        BadInput: the name is unknown or the mean outside its range.
    """
    check_choice("kind", kind, KINDS)
    if kind == "poisson":
        return Poisson(mean=mean)
    return negative_binomial(shape=1.0 if kind == "geometric" else 0.0, mean=mean)


def negative_binomial(*, shape: float, mean: float) -> NegativeBinomial:
    """The truncated negative binomial distribution with this expected number of runs.

    Args:
        shape: eta, > -1.
        mean: 1 to 10,000.

    Raises:
        BadInput: a value lies outside its range, or the shape is so close to -1 that no gamma
            gives this mean.
    """
    check_range("shape", shape, "(-1, inf)")
    _check_mean(mean)
    if mean == 1 or shape == 1:
        return NegativeBinomial(shape=shape, gamma=1 / mean)
    if _mean(shape, _LEAST_LOG_GAMMA) < mean:
        raise BadInput(
            f"With shape {shape:g} no gamma gives {mean:g} runs on average; choose a shape "
            "further from -1.",
            field="shape",
        )
    log_gamma = brentq(
        lambda log: math.log(_mean(shape, log) / mean), _LEAST_LOG_GAMMA, 0.0, xtol=1e-14
    )
    return NegativeBinomial(shape=shape, gamma=math.exp(float(log_gamma)))


def draw_runs(count: RunCount, chance: float | None = None) -> int:
    """Draw the number of runs.

    Args:
        count: its distribution.
        chance: a number in [0, 1) that decides; ``None`` takes one from the operating system's
            entropy, which is what a selection that shall be private needs.

    Raises:
        BadInput: the chance lies outside its range.
    """
    if chance is None:
        chance = secrets.randbits(_BITS) / 2**_BITS
    check_range("chance", chance, "[0, 1)")
    reached = 0.0
    for number, mass in count.masses():
        reached += mass
        # Rounding may leave the sum short of 1; beyond the mean nothing is added any more then.
        if chance < reached or (number > count.mean and mass < 2.0**-_BITS * 1e-6):
            return number
    raise AssertionError("masses never end")


def _check_mean(mean: float) -> None:
    check_range("mean", mean, f"[1, {MOST_RUNS}]", hint="it is the number of runs to expect")


def _mean(shape: float, log_gamma: float) -> float:
    """Of Definition 1: eta (1 - gamma) / (gamma (1 - gamma^eta)), and its limits."""
    if log_gamma == 0:
        return 1.0
    more = math.expm1(-log_gamma)
    return more / -log_gamma if shape == 0 else shape * more / -math.expm1(shape * log_gamma)
