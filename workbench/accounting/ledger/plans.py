"""What is to be charged: on which data, and for what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.accounting.guarantee import Unit
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput, check_choice, check_range


@dataclass(frozen=True)
class Identity:
    """A data set as its content tells it, whatever it is called and however it was saved.

    Attributes:
        name: what a person calls it.
        fingerprint: hash of its content, the same for any name, order and file format; at least six
            characters.
        slices: one short hash for each distinct slice, and one with ``"file:"`` before it for each
            file that they came from; data sets that share one share an account.
        patients: how many patients, >= 1.
        largest_patient: slices of the patient who has most, >= 1.

    Raises:
        BadInput: there is no slice or no patient, or the fingerprint is too short.
    """

    name: str
    fingerprint: str
    slices: tuple[str, ...]
    patients: int
    largest_patient: int

    def __post_init__(self) -> None:
        if len(self.fingerprint) < 6:
            raise BadInput(
                f"The fingerprint of {self.name} must have six characters or more, "
                f"not {self.fingerprint!r}.",
                field="data",
            )
        if not self.slices or min(self.patients, self.largest_patient) < 1:
            raise BadInput(
                f"{self.name} needs a slice and a patient to be charged, not {len(self.slices)} "
                f"slices, {self.patients} patients and {self.largest_patient} slices of one.",
                field="data",
            )


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A run before its first step.

    Attributes:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0.
        sample_rate: probability that a unit takes part in a step, in (0, 1].
        steps: steps in all, those of earlier attempts of a resumed run included, >= 1.
        delta: in (0, 1); 0 is allowed where nothing is protected.
        unit: what is sampled and clipped.
        unprotected: why the run protects nobody (``"seeded noise"``, ``"no privacy"``); empty where
            it does. A run without noise is unprotected without being told.

    Raises:
        BadInput: a value lies outside its range.
    """

    noise_multiplier: float
    sample_rate: float
    steps: int
    delta: float
    unit: Unit = "patient"
    unprotected: str = ""

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, ("patient", "slice"))
        check_range("noise_multiplier", self.noise_multiplier, "[0, inf)")
        check_range("sample_rate", self.sample_rate, "(0, 1]")
        if type(self.steps) is not int:
            raise BadInput(f"Steps must be a whole number, not {self.steps}.", field="steps")
        check_range("steps", self.steps, "[1, inf)")
        if self.delta or not self.why:
            check_range("delta", self.delta, "(0, 1)")

    @property
    def why(self) -> str:
        """Why nobody is protected; empty where the run protects."""
        return self.unprotected or ("no noise" if self.noise_multiplier == 0 else "")

    def mechanism(self, largest_patient: int, steps: int | None = None) -> Mechanism:
        """What one patient of data with this largest patient is exposed to.

        Args:
            largest_patient: slices of the patient who has most.
            steps: instead of those planned.
        """
        return Mechanism(
            noise_multiplier=float(self.noise_multiplier),
            sample_rate=float(self.sample_rate),
            steps=self.steps if steps is None else steps,
            group=largest_patient if self.unit == "slice" else 1,
        )


def distinct_slices(marks: Iterable[str]) -> int:
    """How many of these hashes are of slices, not of whole files."""
    return sum(":" not in mark for mark in marks)
