"""What the estimators need of an audited training: a few counts."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.per_step import Moments
from workbench.auditing.estimators.steinke import Guesses


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One audited training, counted as its plan says.

    Attributes:
        steps: releases that were seen, >= 1.
        canaries: those whose membership a coin decided, >= 2.
        few_alarms: errors at the threshold for Clopper and Pearson's bound.
        many_alarms: errors at the threshold of the end-to-end test.
        steinke: guesses, for each number that was planned.
        one_run: the same for the bound from a trade-off curve.
        moments: of all released signals.
    """

    steps: int
    canaries: int
    few_alarms: Errors
    many_alarms: Errors
    steinke: tuple[Guesses, ...]
    one_run: tuple[Guesses, ...]
    moments: Moments
