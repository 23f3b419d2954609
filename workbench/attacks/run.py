"""An attack from beginning to end: observe, attack, attack pure noise, score."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from workbench.attacks.case import Case, make_case, slices_of
from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Posed, Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation, observe, observe_nobody
from workbench.attacks.report import best_guess, report, starting_facts
from workbench.attacks.scoring.baselines import baselines
from workbench.attacks.threat import labels_known
from workbench.dpsgd.randomness import SeededStream
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Event, Started

_NOISE_STREAM, _FLOOR_STREAM = 1, 2


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`attack` for a background job: the config comes as JSON values.

    An attack leaves no checkpoint; it is over sooner than it is resumed.
    """
    del attempt
    return attack(config_from_json(AttackConfig, config))


def attack(config: AttackConfig) -> Iterator[Event]:
    """Attack one shared gradient; closing the iterator stops within a fraction of a second.

    Args:
        config: what to attack and how.

    Yields:
        ``Progress`` while phantoms are drawn; ``Started``; ``Posed`` with the truth, for those
        who watch; ``Reconstructing`` a few times a second, first for the record, then for the
        floor; ``Finished`` with scores as result and as arrays ``truth``, ``reconstruction``,
        ``floor``, ``baseline``, ``mask`` and ``history``.

    Raises:
        BadInput: slices, network and attack do not fit together.
    """
    case = make_case(config, (yield from slices_of(config)))
    blind = baselines(case.slices, case.chosen)
    observation = observe(
        case.network,
        case.task,
        _images(case),
        case.targets,
        noise_multiplier=config.noise_multiplier,
        max_grad_norm=config.max_grad_norm,
        stream=SeededStream(config.seed, _NOISE_STREAM),
    )
    yield Started(facts=starting_facts(config, case, blind, observation.norm))
    yield Posed(truth=case.truth, baseline=best_guess(blind).picture, mask=case.shown_mask)
    knowledge = knowledge_of(config, case)
    found = yield from _carried_out(config, observation, knowledge, "record")
    floor = None
    if config.floor:
        nobody = observe_nobody(observation, stream=SeededStream(config.seed, _FLOOR_STREAM))
        floor = yield from _carried_out(config, nobody, knowledge, "floor")
    yield report(config, case, blind, found, floor)


def _images(case: Case) -> Tensor:
    return torch.from_numpy(case.slices.images[case.chosen])


def knowledge_of(config: AttackConfig, case: Case) -> Knowledge:
    """What the config tells the attacker of the case; never its slices."""
    told = labels_known(config) if case.task == "classification" else config.mask == "known"
    return Knowledge(
        network=case.network,
        size=config.size,
        targets=case.targets if told else None,
        classes=case.classes,
    )


def _carried_out(
    config: AttackConfig,
    observation: Observation,
    knowledge: Knowledge,
    target: Literal["record", "floor"],
) -> Generator[Reconstructing, None, Reconstruction]:
    """One attack, its events placed in the time of the whole work."""
    before = config.seconds if target == "floor" else 0.0
    total = config.seconds * (2 if config.floor else 1)
    steps = METHODS[config.attack].load()(
        observation, knowledge, seconds=config.seconds, restarts=config.restarts, seed=config.seed
    )
    try:
        while True:
            yield replace(next(steps), target=target, before=before, total=total)
    except StopIteration as end:
        found: Reconstruction = end.value
        return found
    finally:
        steps.close()
