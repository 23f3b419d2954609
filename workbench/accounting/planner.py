"""Five quantities of a private training that hang together: four are fixed, the fifth is found."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from workbench.accounting.guarantee import Guarantee, Unit
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput, check_choice, check_range

QUANTITIES: Final = ("target_epsilon", "noise_multiplier", "expected_batch", "steps", "units")
"""Of these four are given and one is found."""

MOST_STEPS: Final = 10_000_000
MOST_UNITS: Final = 100_000_000

_RANGES: Final = {
    "target_epsilon": "(0, inf)",
    "noise_multiplier": "(0, inf)",
    "expected_batch": "(0, inf)",
    "steps": f"[1, {MOST_STEPS}]",
    "units": f"[1, {MOST_UNITS}]",
    "delta": "(0, 1)",
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is fixed of a training; the quantity that is ``None`` is to be found.

    Attributes:
        delta: in (0, 1), below 1 / units.
        unit: what is drawn, clipped and protected.
        target_epsilon: what may be spent, > 0.
        noise_multiplier: standard deviation of the noise over the clipping norm, > 0.
        expected_batch: units that a step draws on average, > 0, at most ``units``.
        steps: 1 to :data:`MOST_STEPS`.
        units: patients or slices in the data, 1 to :data:`MOST_UNITS`.

    Raises:
        BadInput: not exactly one quantity is left open, a value lies outside its range, or two
            of them contradict each other.
    """

    delta: float
    unit: Unit = "patient"
    target_epsilon: float | None = None
    noise_multiplier: float | None = None
    expected_batch: float | None = None
    steps: int | None = None
    units: int | None = None

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, ("patient", "slice"))
        missing = [name for name in QUANTITIES if getattr(self, name) is None]
        if len(missing) != 1:
            raise BadInput(
                f"Give four of {', '.join(QUANTITIES)}; the fifth is found. "
                f"{5 - len(missing)} are given.",
                field="solve_for",
            )
        for name, interval in _RANGES.items():
            if (value := getattr(self, name)) is not None:
                check_range(name, value, interval)
        for name in ("steps", "units"):
            if (value := getattr(self, name)) is not None and type(value) is not int:
                raise BadInput(
                    f"{name.capitalize()} must be a whole number, not {value}.", field=name
                )
        _check_together(self)

    @property
    def unknown(self) -> str:
        """Name of the quantity to be found."""
        return next(name for name in QUANTITIES if getattr(self, name) is None)

    def having(self, value: float) -> Plan:
        """The training with the unknown put in; what it spends is not known yet."""
        values = {name: getattr(self, name) for name in QUANTITIES} | {self.unknown: value}
        return Plan(
            **values, delta=self.delta, unit=self.unit, found=self.unknown, epsilon=math.inf
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A training with all five quantities.

    Attributes:
        target_epsilon, noise_multiplier, expected_batch, steps, units, delta, unit: as in
            :class:`Wish`.
        found: the one of :data:`QUANTITIES` that was found.
        epsilon: what it spends, an upper bound; at most ``target_epsilon``.
        limit: why the value found stops short of what epsilon would allow, as a sentence; empty
            where epsilon alone decides.
    """

    target_epsilon: float
    noise_multiplier: float
    expected_batch: float
    steps: int
    units: int
    delta: float
    unit: Unit
    found: str
    epsilon: float
    limit: str = ""

    @property
    def sample_rate(self) -> float:
        """Probability that a unit takes part in a step."""
        return min(1.0, self.expected_batch / self.units)

    @property
    def value(self) -> float:
        """Of the quantity that was found."""
        return float(getattr(self, self.found))

    @property
    def mechanism(self) -> Mechanism:
        """What a unit is exposed to."""
        return Mechanism(
            noise_multiplier=float(self.noise_multiplier),
            sample_rate=self.sample_rate,
            steps=self.steps,
        )

    @property
    def guarantee(self) -> Guarantee:
        """What such a training guarantees: add or remove one, Poisson sampling, PLD."""
        sampling = f"Poisson q = {self.sample_rate:.4g}, {self.steps:,} steps"
        return Guarantee(epsilon=self.epsilon, delta=self.delta, unit=self.unit, sampling=sampling)

    def spending(self, epsilon: float, limit: str = "") -> Plan:
        """The same with what it spends."""
        return replace(self, epsilon=epsilon, limit=limit)


def _check_together(wish: Wish) -> None:
    """Refuse numbers that contradict each other, whatever is found for the fifth."""
    batch, units, many = wish.expected_batch, wish.units, f"{wish.unit}s"
    if batch is not None and units is not None and batch > units:
        raise BadInput(
            f"A step cannot draw {batch:g} of {units:,} {many} on average; choose a smaller "
            "expected batch.",
            field="expected_batch",
        )
    least = units or math.ceil(batch or 1)  # so many there must be
    if wish.delta >= 1 / least:
        raise BadInput(
            f"Delta must be below 1 / {least:,} {many} = {1 / least:.3g}, not {wish.delta:g}: "
            f"at a larger one whole {many} might be published.",
            field="delta",
        )
