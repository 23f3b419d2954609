"""All probes, in the order in which a person wants to know."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.auditing.claim import Claim
from workbench.auditing.exam import Training
from workbench.auditing.finding import Finding
from workbench.auditing.probes.bench import Bench
from workbench.auditing.probes.empty_draws import empty_draws
from workbench.auditing.probes.finiteness import finiteness
from workbench.auditing.probes.freshness import freshness
from workbench.auditing.probes.noise_law import noise_law
from workbench.auditing.probes.reconcile import reconcile
from workbench.auditing.probes.sampler_law import sampler_law
from workbench.auditing.probes.sensitivity import sensitivity
from workbench.auditing.transcript import Transcript


def sat(training: Training, bench: Bench, claim: Claim) -> Iterator[Finding]:
    """What a training shows in short exams of its own, before it sits the long one.

    Args:
        training: of which the mechanism is in question.
        bench: what exams are made of.
        claim: whose noise is asked for.
    """
    yield from sensitivity(training, bench)
    yield from finiteness(training, bench)
    yield from freshness(training, bench, claim)
    yield from empty_draws(training, bench, claim)


def read(transcript: Transcript, claim: Claim) -> Iterator[Finding]:
    """What the transcript of the long exam shows.

    Args:
        transcript: of the training as it was claimed.
        claim: what is tested.
    """
    yield from noise_law(transcript, claim)
    yield from sampler_law(transcript, claim)
    yield from reconcile(transcript, claim)
