"""An attack from beginning to end: observe, attack, attack pure noise, score."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from workbench.attacks.bounds.bounds import bounds_of
from workbench.attacks.case import Case, make_case, slices_of
from workbench.attacks.catalogue import METHODS, named
from workbench.attacks.config import AttackConfig
from workbench.attacks.defence import defence
from workbench.attacks.events import Posed, Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation, observe, observe_nobody
from workbench.attacks.public import Public, drawn, held
from workbench.attacks.report import best_guess, report, starting_facts
from workbench.attacks.scoring.baselines import baselines
from workbench.attacks.scoring.oracle import Oracle
from workbench.attacks.threat import labels_known
from workbench.dpsgd.randomness import SeededStream
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Event, Progress, Started

_NOISE_STREAM, _FLOOR_STREAM = 1, 2


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`attack` for a background job: the config comes as JSON values.

    An attack leaves no checkpoint; it is over sooner than it is resumed.
    """
    return attack(config_from_json(AttackConfig, config), home=attempt.home)


def attack(config: AttackConfig, *, home: Path | None = None) -> Iterator[Event]:
    """Attack one shared gradient; closing the iterator stops within a fraction of a second.

    Args:
        config: what to attack and how.
        home: folder of the workspace that holds the training whose weights are wanted; ``None``
            for the person's own.

    Yields:
        ``Progress`` while phantoms are drawn; ``Started``; ``Posed`` with the truth, for those
        who watch; ``Reconstructing`` a few times a second, first for the record, draw after draw
        of the noise, then for the floor; ``Progress`` while bounds are computed; ``Finished``
        with scores as result and arrays.

    Raises:
        BadInput: slices, network, threat model and attack do not fit together.
    """
    case = make_case(config, (yield from slices_of(config)), home=home)
    public = yield from held(config, case)
    case = yield from _as_handed_out(config, case, public)
    blind = baselines(case.slices, case.chosen)
    first = observed(config, case)
    yield Started(facts=starting_facts(config, case, blind, first.norm))
    yield Posed(truth=case.truth, baseline=best_guess(blind).picture, mask=case.shown_mask)
    knowledge = knowledge_of(config, case, public)
    oracle = Oracle(case.truth)
    found = []
    for draw in range(config.draws):
        seen = observed(config, case, draw) if draw else first
        found.append((yield from _carried_out(config, seen, knowledge, draw, oracle)))
    floor = None
    if config.floor:
        nobody = observe_nobody(first, stream=SeededStream(config.seed, _FLOOR_STREAM))
        floor = yield from _carried_out(config, nobody, knowledge, config.draws, None)
    bounds = yield from bounds_of(config, case, first)
    yield report(config, case, blind, found, floor, first, oracle, bounds)


def observed(config: AttackConfig, case: Case, draw: int = 0) -> Observation:
    """What the attacker of this config sees of the case.

    Args:
        config: of the attack.
        case: its network is as the server hands it out.
        draw: of the noise, counted from 0; each is another, and the same every time.
    """
    stream = SeededStream(config.seed, _NOISE_STREAM, *([draw] if draw else []))
    return observe(
        case.network,
        case.task,
        torch.from_numpy(case.slices.images[case.chosen]),
        case.targets,
        noise_multiplier=config.noise_multiplier,
        max_grad_norm=config.max_grad_norm,
        stream=stream,
        local_steps=config.local_steps,
        local_rate=config.local_rate,
        rounds=config.rounds,
        sites=config.sites,
        defence=None if config.defence is None else defence(config.defence),
        mechanism_told=config.server != "eavesdropper",
    )


def knowledge_of(config: AttackConfig, case: Case, public: Public | None = None) -> Knowledge:
    """What the config tells the attacker of the case; never its slices.

    Args:
        config: of the attack.
        case: slices and network.
        public: slices of other people, where the attacker holds some.
    """
    told = labels_known(config) if case.task == "classification" else config.mask == "known"
    return Knowledge(
        network=case.network,
        size=config.size,
        targets=case.targets if told else None,
        classes=case.classes,
        public=None if public is None else public.images,
        public_targets=None if public is None else public.targets,
    )


def _as_handed_out(
    config: AttackConfig, case: Case, public: Public | None
) -> Generator[Progress, None, Case]:
    """The case with the network that a malicious server makes of it."""
    implant = METHODS[config.attack].implant
    if config.server != "malicious" or implant is None:
        return case
    known = public or (yield from drawn(case))
    network = named(implant)(
        case.network,
        known.images,
        size=config.size,
        batch=config.batch * config.sites,
        seed=config.seed,
    )
    return replace(case, network=network.train())


def _carried_out(
    config: AttackConfig,
    observation: Observation,
    knowledge: Knowledge,
    number: int,
    oracle: Oracle | None,
) -> Generator[Reconstructing, None, Reconstruction]:
    """One attack, its events placed in the time of the whole work; the floor has no oracle."""
    target: Literal["record", "floor"] = "record" if oracle else "floor"
    place = {
        "before": config.seconds * number,
        "total": config.seconds * (config.draws + config.floor),
    }
    steps = METHODS[config.attack].load()(
        observation,
        knowledge,
        seconds=config.seconds,
        restarts=config.restarts,
        seed=config.seed + number % config.draws,
    )
    try:
        while True:
            frame = replace(next(steps), target=target, **place)
            if oracle is not None:
                oracle.see(frame)
            yield frame
    except StopIteration as end:
        found: Reconstruction = end.value
        return found
    finally:
        steps.close()
