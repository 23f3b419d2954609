"""Reconstruction measured beside its bound: how often is the right one of N candidates named?"""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest
from torch import nn

from workbench.accounting.reconstruction import identification_bound
from workbench.auditing.cases import PHANTOMS, natural_records, network_for
from workbench.auditing.claim import Claim
from workbench.auditing.exam import Exam, Records, public_divisor
from workbench.auditing.networks import tasks_of
from workbench.auditing.probes.bench import chosen, together
from workbench.auditing.robustness.config import MatchingConfig
from workbench.auditing.robustness.informed import Watcher, log_likelihoods
from workbench.auditing.trainings.catalogue import training_named
from workbench.auditing.verdict import FALSIFIED, NOTHING_FOUND
from workbench.errors import BadInput
from workbench.imaging.loading import loading
from workbench.imaging.sliceset import SliceSet
from workbench.models.losses import Task
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Event, Finished, Progress, Started

KNOWN = 8
"""Slices that the attacker knows; more of them would be subtracted all the same."""

LEVEL = 1e-4
"""Probability that a correct training is called broken."""

_CURVE = np.logspace(-4, np.log10(0.5), 25)


@dataclass(frozen=True, kw_only=True, eq=False)
class Riddle:
    """What the attacker is asked, the same in every trial but for the answer.

    Attributes:
        candidates: N slices, one record each.
        known: slices that are always among the records.
        attributes: int ``(N,)``, a property of each candidate that somebody may want to infer.
        attribute: what it is, in words.
        network: what is trained; every trial begins at the same weights.
        task: what its outputs are compared with.
    """

    candidates: Records
    known: Records
    attributes: np.ndarray
    attribute: str
    network: nn.Module
    task: Task


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`match` for a background job: the config comes as JSON values."""
    return match(config_from_json(MatchingConfig, config))


def match(config: MatchingConfig) -> Iterator[Event]:
    """Train, attack, and count; closing the iterator stops within a second.

    Yields:
        ``Started``; ``Progress`` after every trial; ``Finished`` with both attacks' success, its
        interval and bound, and the bound's curve over kappa as arrays.

    Raises:
        BadInput: there are too few slices, or they do not fit the network.
    """
    task = tasks_of(config.network)[0]
    slices = yield from loading(config.data or PHANTOMS[task], size=config.size)
    riddle = riddle_of(config, slices, task)
    began = time.monotonic()
    yield Started(facts={"statement": str(config.claim.guarantee), "candidates": config.candidates})
    named = alike = 0
    for trial in range(config.trials):
        yield Progress(done=trial, total=config.trials, doing="training and naming the slice")
        answer = secrets.randbelow(config.candidates)
        scores = _attacked(config, riddle, answer)
        named += int(np.argmax(scores) == answer)
        guess = np.bincount(riddle.attributes, weights=softmax(scores)).argmax()
        alike += int(guess == riddle.attributes[answer])
    yield _finished(config, riddle, named, alike, time.monotonic() - began)


def riddle_of(config: MatchingConfig, slices: SliceSet, task: Task) -> Riddle:
    """Lay the candidates out.

    Args:
        config: of the audit.
        slices: square, with targets of the task.
        task: what is trained.

    Raises:
        BadInput: there are too few slices, or they do not fit the network.
    """
    network, _ = network_for(config.network, slices, task)
    count = config.candidates + KNOWN
    if len(slices) < count:
        raise BadInput(
            f"{slices.name} has {len(slices)} slices, and {config.candidates} candidates beside "
            f"{KNOWN} known ones need {count}; ask for fewer candidates.",
            field="candidates",
        )
    # Spread over all patients: neighbouring slices of one are hard to tell apart.
    order = np.linspace(0, len(slices) - 1, count).round().astype(int)
    everything = natural_records(slices, task, order, np.arange(count))
    apart = np.arange(count) % (count // KNOWN) == 0
    apart &= np.cumsum(apart) <= KNOWN
    candidates = chosen(everything, ~apart)
    attributes, attribute = _attributes(candidates, task)
    return Riddle(
        candidates=candidates,
        known=chosen(everything, apart),
        attributes=attributes,
        attribute=attribute,
        network=network,
        task=task,
    )


def _attributes(candidates: Records, task: Task) -> tuple[np.ndarray, str]:
    if task == "classification":
        return candidates.targets.numpy(), "class"
    areas = (candidates.targets > 0).flatten(1).sum(dim=1).numpy()
    return (areas > np.median(areas)).astype(np.int64), "size of the mask"


def _attacked(config: MatchingConfig, riddle: Riddle, answer: int) -> np.ndarray:
    """One training with this candidate among the records, and every candidate's score."""
    known, candidates = riddle.known, riddle.candidates
    records = together(known, chosen(candidates, np.arange(len(candidates)) == answer))
    exam = Exam(
        records=records,
        network=copy.deepcopy(riddle.network),
        coordinates=1,
        task=riddle.task,
        sample_rate=config.sample_rate,
        noise_multiplier=config.noise_multiplier,
        max_grad_norm=config.max_grad_norm,
        steps=config.steps,
        expected_units=public_divisor(config.sample_rate, records.unit_count),
        whole=True,
    )
    watcher = Watcher(exam)
    training_named(config.engine)(exam)
    visits = exam.transcript(np.zeros(0, dtype=bool)).visits[:, : known.unit_count]
    return log_likelihoods(exam, watcher.weights, known, visits, candidates)


def _finished(
    config: MatchingConfig, riddle: Riddle, named: int, alike: int, seconds: float
) -> Finished:
    claim = config.claim
    common = float(np.bincount(riddle.attributes).max() / config.candidates)
    rows = {
        "identification": _success(claim, config, named, 1 / config.candidates),
        "attribute": {"name": riddle.attribute, **_success(claim, config, alike, common)},
    }
    broken = [name for name, row in rows.items() if row["least"] > row["bound"]]
    return Finished(
        result={
            "claim": asdict(claim),
            "statement": str(claim.guarantee),
            "epsilon_claimed": claim.epsilon,
            "engine": config.engine,
            "network": config.network,
            "candidates": config.candidates,
            "trials": config.trials,
            **rows,
            "words": _words(config, rows),
            "seconds": seconds,
            "caught_by": broken,
            "verdict": FALSIFIED if broken else NOTHING_FOUND,
        },
        arrays={"kappas": _CURVE, "gammas": identification_bound([claim.mechanism], _CURVE)},
    )


def _success(claim: Claim, config: MatchingConfig, correct: int, kappa: float) -> dict[str, Any]:
    """Clopper and Pearson's interval, and the bound: 1 - f(kappa) (Balle et al. 2022)."""
    count = binomtest(correct, config.trials)
    shown = count.proportion_ci(config.confidence)
    bound = 1.0 if kappa == 1 else identification_bound([claim.mechanism], np.array([kappa]))[0]
    return {
        "correct": correct,
        "success": correct / config.trials,
        "low": float(shown.low),
        "high": float(shown.high),
        # Half of the level below the interval: two numbers are compared with their bounds.
        "least": float(count.proportion_ci(1 - LEVEL).low),
        "kappa": kappa,
        "bound": float(bound),
    }


def _words(config: MatchingConfig, rows: dict[str, dict[str, Any]]) -> list[str]:
    slices, trait = rows["identification"], rows["attribute"]
    return [
        f"The right one of {config.candidates} slices was named in {slices['correct']} of "
        f"{config.trials} trainings ({slices['low']:.0%} to {slices['high']:.0%}); blindly it is "
        f"{slices['kappa']:.1%}, and {_limit(slices['bound'])}.",
        f"Its {trait['name']} was inferred in {trait['success']:.0%} "
        f"({trait['low']:.0%} to {trait['high']:.0%}); the best blind guess is right in "
        f"{trait['kappa']:.0%}, and {_limit(trait['bound'])}.",
        "The bound holds for every attacker to whom the slice is independent of all else that they "
        "know: other slices of the same patient break it. That this attacker stays below it proves "
        "nothing: slices resemble each other, and so do their gradients.",
    ]


def _limit(bound: float) -> str:
    return f"nobody can exceed {bound:.1%}" if bound < 0.9995 else "so little noise bounds nobody"
