"""Attacks on the membership of a finished model: its networks are asked, the answers compared."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.auditing.membership.catalogue import scores_of
from workbench.auditing.membership.config import MembershipConfig
from workbench.auditing.membership.losses import slice_signals, unit_signals
from workbench.auditing.membership.models import finished, trainings_of
from workbench.auditing.membership.report import report, starting_facts
from workbench.auditing.membership.signals import Signals
from workbench.dpsgd.sampler import Units
from workbench.errors import BadInput
from workbench.imaging.loading import loading
from workbench.models.weights import put_weights, trained_run
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Event, Progress, Started
from workbench.runs.record import RunRecord
from workbench.runs.store import Store
from workbench.training.config import TrainConfig
from workbench.training.members import coins_of
from workbench.training.parts import Parts, parts_of
from workbench.training.plan import network_of

_ASKING = "asking the networks about every slice"


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`infer` for a background job: the config comes as JSON values.

    It leaves no checkpoint: what takes long are the trainings, which have finished before.
    """
    return infer(config_from_json(MembershipConfig, config), home=attempt.home)


def infer(config: MembershipConfig, *, home: Path) -> Iterator[Event]:
    """Attack the membership of everybody who could have trained the target.

    Args:
        config: what to attack; target and references are finished trainings of the workspace
            (``audit.MembershipAudit`` carries them out).
        home: folder of the workspace.

    Yields:
        ``Progress`` while phantoms are drawn; ``Started``; ``Progress`` while networks are asked;
        ``Finished`` with the figures of every attack as result, and as arrays ``members``, bool
        ``(U,)``, and every attack's score of every unit, ``"<attack>/scores"``, float ``(U,)``,
        of which ``roc.curve`` makes a curve.

    Raises:
        BadInput: a training is missing, was made on other data, or its network does not have the
            signal; or there are too few units of either kind.
    """
    trainings, records = _found(config, home)
    target = trainings[0]
    slices = yield from loading(target.data, size=target.image_size)
    parts = parts_of(target, slices)
    _check_same_data(parts, records)
    signal = config.signal_for(parts.task)
    coins = coins_of(str(target.members))
    units = Units.of(parts.candidates.patients, coins.unit)
    held_out = Units.of(parts.validation.patients, coins.unit)
    members = coins.heads(units.count)
    _check_both_kinds(members, coins.unit)
    yield Started(facts=starting_facts(config, records, parts, members, held_out.count))
    own, strangers = [], []
    total = len(records) * (len(parts.candidates) + len(parts.validation))
    for number, (training, record) in enumerate(zip(trainings, records, strict=True)):
        done = number * total / len(records)
        asked = _asked(training, record, parts, signal, home, done=done, total=total)
        first, second = np.split((yield from asked), [len(parts.candidates)])
        own.append(unit_signals(first, units))
        strangers.append(unit_signals(second, held_out))
    signals = Signals(
        target=own[0],
        references=np.array(own[1:]),
        trained_on=np.array([_heads(one, units.count) for one in trainings[1:]]),
        population=strangers[0],
        population_references=np.array(strangers[1:]),
    )
    scores = scores_of(signals, offline_a=config.offline_a)
    yield report(config, records, coins.unit, members, held_out.count, scores)


def _found(config: MembershipConfig, home: Path) -> tuple[list[TrainConfig], list[RunRecord]]:
    store = Store(home)
    try:
        trainings, records = trainings_of(config, store), finished(config, store)
    finally:
        store.close()
    there = [record for record in records if record is not None]
    if len(there) < len(records):
        raise BadInput(
            f"Only {len(there)} of the target and its {config.references} references have "
            "finished training; start the audit again to train the others."
        )
    return trainings, there


def _check_same_data(parts: Parts, records: list[RunRecord]) -> None:
    for record in records:
        if record.fingerprint != parts.fingerprint:
            raise BadInput(
                f"Run {record.id} was trained on other data than {parts.candidates.name} holds now "
                f"(fingerprint {str(record.fingerprint)[:12]}, now {parts.fingerprint[:12]}), so "
                "nobody knows who its members are; put the old data back, or train anew.",
                field="data",
            )


def _check_both_kinds(members: np.ndarray, unit: str) -> None:
    fewest = min(int(members.sum()), int((~members).sum()))
    if fewest < 2:
        raise BadInput(
            f"Of {len(members)} {unit}s only {fewest} fell on one side of the coins; an attack "
            "needs at least two members and two strangers to be measured: take more data.",
            field="data",
        )


def _heads(training: TrainConfig, count: int) -> np.ndarray:
    return coins_of(str(training.members)).heads(count)


def _asked(
    training: TrainConfig,
    record: RunRecord,
    parts: Parts,
    signal: str,
    home: Path,
    *,
    done: float,
    total: float,
) -> Generator[Progress, None, np.ndarray]:
    """The signal of one network for every candidate slice and then every held-out one."""
    network, _ = network_of(training, parts)
    put_weights(network, trained_run(record.id, home)[1], record.id)
    if training.device == "cuda" and torch.cuda.is_available():
        network.to("cuda")
    found = []
    for slices in (parts.candidates, parts.validation):
        for some in slice_signals(network, parts.task, slices, signal):
            found.append(some)
            done += len(some)
            yield Progress(done=done, total=total, doing=_ASKING)
    return np.concatenate(found)
