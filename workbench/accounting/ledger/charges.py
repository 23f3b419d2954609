"""What one run is charged for on one data set: its last word, and in full until it has spoken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from workbench.accounting.guarantee import Unit
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Charge:
    """One run on one data set.

    Attributes:
        run: the run's id.
        name: of the data set when the run began.
        fingerprint: of the data set.
        at: when it was first reserved, ISO-8601 in UTC.
        planned: the run as it was reserved, with the most steps that any attempt reserved.
        group: slices of the patient who has most, where slices are the unit; else 1.
        counted: the most steps that it has reported, 0 before it reported any.
        settled: whether its last attempt has reported its end.
    """

    run: str
    name: str
    fingerprint: str
    at: str
    planned: Planned
    group: int
    counted: int = 0
    settled: bool = False

    @property
    def steps(self) -> int:
        """Steps charged: those counted, or all of them while the run has not reported its end."""
        return self.counted if self.settled else max(self.planned.steps, self.counted)

    @property
    def protected(self) -> bool:
        """Whether patients are protected; they are, too, where the run ended before a step."""
        return not self.planned.why or self.steps == 0

    @property
    def mechanism(self) -> Mechanism:
        """What the steps charged expose one patient to."""
        return self.planned.mechanism(self.group, self.steps)

    def __str__(self) -> str:
        steps = f"run {self.run}: {self.steps} of {self.planned.steps} planned steps charged"
        return steps if self.settled else f"{steps}: it never reported its end"

    def reserved_again(self, plan: Planned) -> Charge:
        """The charge of a resumed run: in full again, and for one run, not for two.

        Raises:
            BadInput: it is not the run that was reserved.
        """
        if _settings(plan) != _settings(self.planned):
            raise BadInput(
                f"Run {self.run} was charged with {_in_words(self.planned)}, not with "
                f"{_in_words(plan)}; resume it as it began, or start a new run.",
                field="run",
            )
        both = (self.planned, plan)
        most, delta = max(one.steps for one in both), min(one.delta for one in both)
        return replace(self, planned=replace(plan, steps=most, delta=delta), settled=False)

    def settled_at(self, steps: int) -> Charge:
        """The charge of a run that has reported its end."""
        return replace(self, counted=steps, settled=True)


def reserve_line(identity: Identity, plan: Planned, run: str) -> tuple[str, dict[str, Any]]:
    """The line that charges a run in full, before its first step."""
    mechanism = plan.mechanism(identity.largest_patient)
    fields: dict[str, Any] = {
        "run": run,
        "name": identity.name,
        "fingerprint": identity.fingerprint,
        "unit": plan.unit,
        "noise_multiplier": mechanism.noise_multiplier,
        "sample_rate": mechanism.sample_rate,
        "steps": plan.steps,
        "delta": float(plan.delta),
        "group": mechanism.group,
        "protected": not plan.why,
        "why": plan.why,
    }
    return "reserve", fields if not plan.why else {**fields, "epsilon": "inf"}


def charge_from(line: Mapping[str, Any]) -> Charge:
    """The charge that a ``reserve`` line states.

    Raises:
        BadInput: a value lies outside its range.
    """
    plan = Planned(
        noise_multiplier=line["noise_multiplier"],
        sample_rate=line["sample_rate"],
        steps=line["steps"],
        delta=line["delta"],
        unit=cast(Unit, line["unit"]),
        unprotected=line["why"],
    )
    return Charge(
        run=line["run"],
        name=line["name"],
        fingerprint=line["fingerprint"],
        at=line["at"],
        planned=plan,
        group=line["group"],
    )


def _settings(plan: Planned) -> tuple[float, float, str, str]:
    return plan.noise_multiplier, plan.sample_rate, plan.unit, plan.why


def _in_words(plan: Planned) -> str:
    kind = plan.why or f"noise multiplier {plan.noise_multiplier:g}"
    return f"{kind}, sample rate {plan.sample_rate:g} and {plan.unit}s as the unit"
