"""An audit's numbers for people and for figures: what is known before it, and what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.accounting.trade_off import trade_off
from workbench.auditing.cases import Case
from workbench.auditing.estimators.clopper_pearson import Errors, upper_rate
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.plan import Plan
from workbench.auditing.estimators.rung import Rung
from workbench.auditing.finding import Finding
from workbench.auditing.transcript import Transcript
from workbench.auditing.verdict import Verdict
from workbench.runs.events import Finished, to_json

_FALSE_ALARMS = np.concatenate(([0.0], np.geomspace(1e-4, 1, 200)))
_NOISE_EDGES = np.linspace(-5, 5, 81)
_BINS = 80


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """A finished audit, before it is written down.

    Attributes:
        scores: of canaries and nulls, float64 ``(M + K,)``; ``None`` where the released values are
            not finite.
        evidence: likewise.
        findings: of the probes.
        power: how likely flaws would have been noticed, by name.
        seconds: of everything but the planning.
    """

    case: Case
    transcript: Transcript
    scores: np.ndarray | None
    evidence: Evidence | None
    rungs: Sequence[Rung]
    findings: Sequence[Finding]
    verdict: Verdict
    power: Mapping[str, float]
    seconds: float
    planning_seconds: float


def starting_facts(case: Case, plan: Plan) -> dict[str, Any]:
    """What is known before the training begins, as JSON values."""
    facts = {
        **_circumstances(case),
        "statement": str(case.config.claim.guarantee),
        "epsilon_claimed": case.config.claim.epsilon,
        "expected": dict(plan.expected),
        "ceilings": dict(plan.ceilings),
        "parameters": sum(p.numel() for p in case.network.parameters() if p.requires_grad),
        "surgery": case.surgery,
    }
    values: dict[str, Any] = to_json(facts)
    return values


def report(audit: Audit) -> Finished:
    """The result as JSON values, and the arrays of its figures."""
    config, verdict = audit.case.config, audit.verdict
    epsilons = {rung.name: rung.epsilon for rung in audit.rungs}
    ceilings = {rung.name: rung.ceiling for rung in audit.rungs}
    result = {
        "statement": str(config.claim.guarantee),
        "epsilon_claimed": config.claim.epsilon,
        **{f"epsilon_{name.replace('-', '_')}": value for name, value in epsilons.items()},
        "ceiling": ceilings["end-to-end"],
        "ladder": [asdict(rung) for rung in audit.rungs],
        "probes": [
            {**vars(found), "caught": found.test in verdict.caught_by} for found in audit.findings
        ],
        "verdict": verdict.words,
        "caught_by": verdict.caught_by,
        "accepted": verdict.accepted,
        "says": verdict.says,
        "power": audit.power,
        "level": config.level,
        "confidence": config.confidence,
        **_circumstances(audit.case),
        "seconds": audit.seconds,
        "planning_seconds": audit.planning_seconds,
    }
    return Finished(result=to_json(result), arrays=_arrays(audit))


def _circumstances(case: Case) -> dict[str, Any]:
    config, claim = case.config, case.config.claim
    return {
        "claim": asdict(claim),
        "engine": config.training or config.engine,
        "network": config.network,
        "task": case.task,
        "bug": config.bug,
        "optimizer": config.optimizer,
        "physical_batch": config.physical_batch,
        "unit": claim.unit,
        "units": case.records.unit_count,
        "canaries": len(case.members),
        "members": int(case.members.sum()),
        "nulls": config.nulls,
    }


def _arrays(audit: Audit) -> dict[str, np.ndarray]:
    claim, transcript = audit.case.config.claim, audit.transcript
    nulls = transcript.nulls / claim.noise_multiplier
    canaries = transcript.signals[:, : len(transcript.members)]
    edges = _edges(transcript.signals)
    drawn = np.arange(transcript.drawn.min(), transcript.drawn.max() + 2) - 0.5
    return {
        "trade_off/alpha": _FALSE_ALARMS,
        "trade_off/beta": trade_off(claim.mechanism).at(_FALSE_ALARMS),
        "noise/edges": _NOISE_EDGES,
        "noise/counts": np.histogram(nulls, _NOISE_EDGES)[0],
        "sampler/edges": drawn,
        "sampler/counts": np.histogram(transcript.drawn, drawn)[0],
        "signals/edges": edges,
        "signals/in": np.histogram(canaries[transcript.included], edges)[0],
        "signals/out": np.histogram(canaries[~transcript.included], edges)[0],
        **_scores(audit),
        **_points(audit),
    }


def _edges(signals: np.ndarray) -> np.ndarray:
    finite = signals[np.isfinite(signals)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    # A pair of equal ends has no bins between them.
    return np.linspace(low, max(high, low + 1e-6), _BINS + 1)


def _scores(audit: Audit) -> dict[str, np.ndarray]:
    members = audit.transcript.members
    if audit.scores is None:
        return {"lambda/members": np.zeros(0), "lambda/nulls": np.zeros(0)}
    canaries, nulls = np.split(audit.scores, [len(members)])
    return {"lambda/members": canaries[members], "lambda/nulls": nulls}


def _points(audit: Audit) -> dict[str, np.ndarray]:
    """Where the two likelihood-ratio tests stood, each rate with its interval."""
    errors = () if audit.evidence is None else (
        audit.evidence.many_alarms, audit.evidence.few_alarms,
    )  # fmt: skip
    level = 1 - audit.case.config.confidence
    rows = np.array([_point(each, level) for each in errors]).reshape(len(errors), 6)
    names = ("alpha", "alpha_low", "alpha_high", "beta", "beta_low", "beta_high")
    return {f"points/{name}": rows[:, number] for number, name in enumerate(names)}


def _point(errors: Errors, level: float) -> list[float]:
    counts = ((errors.false_alarms, errors.outsiders), (errors.misses, errors.members))
    return [
        rate
        for wrong, trials in counts
        for rate in (
            wrong / trials,
            1 - upper_rate(trials - wrong, trials, level / 2),
            upper_rate(wrong, trials, level / 2),
        )
    ]
