"""All estimates of one audited training, from the weakest assumption to the strongest."""

from __future__ import annotations

from workbench.auditing.estimators.estimates import epsilons, p_values
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.plan import Plan
from workbench.auditing.estimators.rung import ASSUMPTIONS, LABELS, Rung


def ladder(evidence: Evidence, plan: Plan) -> tuple[Rung, ...]:
    """The estimators' bounds beside their ceilings, what is usual, and their p-values.

    Args:
        evidence: of a training that was audited as planned.
        plan: made before it.
    """
    bounds = epsilons(evidence, plan.claim, plan.level)
    doubts = p_values(evidence, plan.claim)
    return tuple(
        Rung(
            name=name,
            label=label,
            epsilon=bounds[name],
            ceiling=plan.ceilings[name],
            expected=plan.expected[name],
            assumption=ASSUMPTIONS[name],
            p_value=doubts[name],
        )
        for name, label in LABELS.items()
    )
