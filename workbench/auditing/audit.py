"""An audit from beginning to end: plan, probe, train with canaries, estimate, decide."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from workbench.auditing.cases import Case, make_case, source_of
from workbench.auditing.claim import Claim
from workbench.auditing.config import AuditConfig
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.ladder import ladder
from workbench.auditing.estimators.plan import Plan, canaries_needed, make_plan
from workbench.auditing.estimators.reading import evidence_of, scores_of
from workbench.auditing.estimators.rung import ASSUMPTIONS, LABELS, Rung
from workbench.auditing.events import Probed
from workbench.auditing.exam import Training
from workbench.auditing.finding import Finding
from workbench.auditing.networks import refuse_finished
from workbench.auditing.own import check_sat, own_training
from workbench.auditing.power import power_of
from workbench.auditing.probes import every as probes
from workbench.auditing.report import Audit, report, starting_facts
from workbench.auditing.trainings.catalogue import training_named
from workbench.auditing.transcript import Transcript
from workbench.auditing.verdict import MOST_TESTS, certain, judge
from workbench.auditing.zoo.catalogue import BUGS
from workbench.errors import BadInput
from workbench.imaging.loading import loading
from workbench.runs.aside import Tell, aside
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Event, Progress, Started


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`audit` for a background job: the config comes as JSON values.

    An audit leaves no checkpoint; it is over sooner than it is resumed.
    """
    del attempt
    return audit(config_from_json(AuditConfig, config))


def audit(config: AuditConfig) -> Iterator[Event]:
    """Try to refute a claim; closing the iterator stops within a second.

    Args:
        config: what to audit and how.

    Yields:
        ``Progress`` at least twice a second; ``Started``; ``Probed`` for every test; ``Finished``
        with the verdict as result and arrays for figures.

    Raises:
        BadInput: data, network and claim do not fit together, or there are too few canaries.
    """
    with _one_thread():
        yield from _audit(config)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small networks on small slices are slower on several threads than on one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _audit(config: AuditConfig) -> Iterator[Event]:
    refuse_finished(config.network)
    training = yield from aside(lambda tell: training_of(config), "loading")
    began = time.monotonic()
    plan = yield from aside(lambda tell: planned(config), "planning")
    planning = time.monotonic() - began
    slices = yield from loading(source_of(config), size=config.size)
    began = time.monotonic()
    case = yield from aside(lambda tell: make_case(config, slices), "building the network")
    yield Started(facts=starting_facts(case, plan))
    findings = yield from aside(partial(_probe, training, case), "probing")
    transcript = yield from aside(partial(_sit, training, case), "training with canaries")
    scores, evidence, rungs = yield from aside(
        lambda tell: _estimate(plan, transcript), "estimating"
    )
    for finding in (*probes.read(transcript, config.claim), *_findings(rungs, config.claim)):
        findings.append(finding)
        yield _told(finding, config)
    power = power_of(
        config.claim,
        units=case.records.unit_count,
        canaries=config.canaries,
        nulls=config.nulls,
        level=config.level / len(findings),
    )
    yield report(
        Audit(
            case=case,
            transcript=transcript,
            scores=scores,
            evidence=evidence,
            rungs=rungs,
            findings=[found for found in findings if found.room != "canaries"],
            verdict=judge(findings, config.level, power, config.accept),
            power=power,
            seconds=time.monotonic() - began,
            planning_seconds=planning,
        )
    )


def training_of(config: AuditConfig) -> Training:
    """The training that the config names.

    Raises:
        BadInput: a person's own cannot be found.
    """
    if config.training is not None:
        return own_training(config.training)
    return training_named(config.engine) if config.bug is None else BUGS[config.bug].load()


def planned(config: AuditConfig) -> Plan:
    """What is fixed before the training; the same for all audits of one claim and size.

    Raises:
        BadInput: so few canaries cannot falsify the claim.
    """
    return _plan(config.claim, config.canaries, config.nulls, config.confidence, config.level)


@lru_cache(maxsize=64)
def _plan(claim: Claim, canaries: int, nulls: int, confidence: float, level: float) -> Plan:
    needed = canaries_needed(claim, nulls=nulls, level=level / MOST_TESTS)
    if canaries < needed:
        raise BadInput(
            f"{canaries} canaries cannot falsify a claim of epsilon {claim.epsilon:.3g} at level "
            f"{level:g}, whatever the training does; {needed:,} or more are needed.",
            field="canaries",
        )
    return make_plan(claim, canaries=canaries, nulls=nulls, level=1 - confidence)


def _probe(training: Training, case: Case, tell: Tell[Event]) -> list[Finding]:
    tried = case.bench.exam(case.bench.kept)
    training(tried)
    check_sat(tried, tried.transcript(np.zeros(0, dtype=bool)))
    findings = []
    for finding in probes.sat(training, case.bench, case.config.claim):
        findings.append(finding)
        tell(_told(finding, case.config))
    return findings


def _sit(training: Training, case: Case, tell: Tell[Event]) -> Transcript:
    steps = case.config.steps

    def watch(taken: int) -> None:
        tell(Progress(done=min(taken, steps), total=steps, doing="training with canaries"))

    exam = case.exam(watch)
    training(exam)
    transcript = exam.transcript(case.members)
    check_sat(exam, transcript)
    return transcript


def _estimate(
    plan: Plan, transcript: Transcript
) -> tuple[np.ndarray | None, Evidence | None, tuple[Rung, ...]]:
    if not np.isfinite(transcript.signals).all():
        # What is no number bounds nothing; the probe of the noise says that it is there.
        return None, None, tuple(
            Rung(
                name=name, label=label, epsilon=0.0, ceiling=plan.ceilings[name],
                expected=plan.expected[name], assumption=ASSUMPTIONS[name], p_value=1.0,
            )
            for name, label in LABELS.items()
        )  # fmt: skip
    signals, design = transcript.signals, plan.design
    scores = scores_of(signals, design=design, sample_rate=plan.claim.sample_rate)
    evidence = evidence_of(signals, transcript.members, transcript.included, scores, design=design)
    return scores, evidence, ladder(evidence, plan)


def _findings(rungs: Sequence[Rung], claim: Claim) -> Iterator[Finding]:
    """The ladder's bounds as tests of the claim."""
    for rung in rungs:
        yield Finding(
            test=rung.name,
            room="canaries",
            p_value=rung.p_value,
            says=f"Epsilon is at least {rung.epsilon:.3g}, where {claim.epsilon:.3g} is claimed "
            f"({rung.label}).",
            measured=rung.epsilon,
            expected=rung.expected,
        )


def _told(finding: Finding, config: AuditConfig) -> Probed:
    return Probed.of(finding, caught=certain(finding.p_value, config.level))
