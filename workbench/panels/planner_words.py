"""A plan in words, every number rounded so that it still holds."""

from __future__ import annotations

from typing import Final

from workbench.accounting.guarantee import round_up
from workbench.accounting.planner import Plan
from workbench.panels.budget import meaning
from workbench.panels.parts.words import Tone

QUANTITY_WORDS: Final = {
    "target_epsilon": "Epsilon",
    "noise_multiplier": "Noise multiplier",
    "expected_batch": "Expected batch",
    "steps": "Steps",
    "units": "Patients or slices",
}

_FOUND: Final = {
    "target_epsilon": "spent by these four",
    "noise_multiplier": "the least",
    "expected_batch": "the largest",
    "steps": "the most",
    "units": "the fewest",
}

_NO_PLAN: Final = "No training fits these numbers; the sentence under the control says why."


def plan_words(plan: Plan | None) -> tuple[str, Tone]:
    """What such a training would guarantee, and the tone; nothing is claimed for what is not run.

    Args:
        plan: ``None`` where there is none.
    """
    if plan is None:
        return _NO_PLAN, "quiet"
    return f"This training would be {plan.guarantee}", "quiet"


def notes_words(plan: Plan | None, *, exact: bool) -> str:
    """What the guarantee means, and how sharp it is."""
    if plan is None:
        return ""
    sharp = "" if exact else "Epsilon is an upper bound; the sharper one is being computed."
    slices = "A patient with several slices is protected less." if plan.unit == "slice" else ""
    means = meaning(plan.epsilon, plan.delta, plan.unit)
    return " ".join(filter(None, (plan.limit, means, slices, sharp)))


def found_help(plan: Plan | None, name: str) -> str:
    """What stands under the quantity that is found; nothing under the others."""
    if plan is None or plan.found != name:
        return ""
    spends = (
        "" if name == "target_epsilon" else f" that will do; spends ε = {round_up(plan.epsilon)}"
    )
    return f"{_FOUND[name]}{spends}"
