"""Evidence into numbers: a lower bound on epsilon, and how far it speaks against the claim."""

from __future__ import annotations

from workbench.accounting.trade_off import trade_off
from workbench.auditing.claim import Claim
from workbench.auditing.estimators import clopper_pearson, family, gaussian, one_run, per_step
from workbench.auditing.estimators import steinke as one_run_dp
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.rung import Name


def epsilons(evidence: Evidence, claim: Claim, level: float) -> dict[Name, float]:
    """Every estimator's lower bound on epsilon at the claimed delta.

    Args:
        evidence: of one training.
        claim: its delta and sample rate are taken for granted, its noise and steps are not.
        level: probability with which each single bound may lie above the truth, in (0, 1).
    """
    assert claim.delta is not None
    noises: dict[Name, float] = {
        "end-to-end": family.noise_bound(
            evidence.many_alarms,
            sample_rate=claim.sample_rate,
            steps=evidence.steps,
            around=claim.noise_multiplier,
            level=level,
        ),
        "per-step": per_step.noise_bound(evidence.moments, level),
    }
    return {
        "clopper-pearson": clopper_pearson.epsilon_bound(evidence.few_alarms, claim.delta, level),
        "steinke": one_run_dp.epsilon_bound(
            evidence.steinke, evidence.canaries, claim.delta, level
        ),
        "one-run-fdp": gaussian.epsilon_of(
            one_run.mu_bound(evidence.one_run, evidence.canaries, level), claim.delta
        ),
        **{
            name: family.epsilon_of(
                noise, sample_rate=claim.sample_rate, steps=evidence.steps, delta=claim.delta
            )
            for name, noise in noises.items()
        },
    }


def p_values(evidence: Evidence, claim: Claim) -> dict[Name, float]:
    """Every estimator's p-value of the claim itself: how likely a correct training shows as much.

    Each holds by itself; whoever looks at all five must account for that.
    """
    assert claim.delta is not None
    curve = trade_off(claim.mechanism)
    return {
        "clopper-pearson": clopper_pearson.p_value(evidence.few_alarms, claim.epsilon, claim.delta),
        "steinke": one_run_dp.p_value(
            evidence.steinke, evidence.canaries, claim.epsilon, claim.delta
        ),
        "one-run-fdp": one_run.p_value(evidence.one_run, evidence.canaries, curve),
        "end-to-end": family.p_value(evidence.many_alarms, curve),
        "per-step": per_step.p_value(evidence.moments, claim, evidence.steps),
    }
