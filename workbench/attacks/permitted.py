"""Whether an attack can be carried out with what the threat model gives the attacker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.attacks.catalogue import METHODS, Method
from workbench.attacks.config import AttackConfig
from workbench.attacks.threat import labels_known
from workbench.errors import BadInput

if TYPE_CHECKING:  # the panel reads this and loads no torch
    from workbench.models.losses import Task

Objection = tuple[str, str]
"""The field that is to be changed, and a sentence."""


def check_permitted(config: AttackConfig, task: Task) -> None:
    """Refuse an attack that asks for more than the attacker holds, or that cannot do the task.

    Args:
        config: of the attack.
        task: what the network does.

    Raises:
        BadInput: the first reason, naming the field to change.
    """
    method = METHODS[config.attack]
    objections = (
        *_to_server(config, method),
        *_to_task(config, method, task),
        *_to_knowledge(config, method, task),
        *_to_extent(config, method),
    )
    for field, sentence in objections:
        raise BadInput(sentence, field=field)


def _to_server(config: AttackConfig, method: Method) -> Iterator[Objection]:
    if method.server == "malicious" and config.server != "malicious":
        who = "an honest server" if config.server == "honest" else "an eavesdropper"
        yield (
            "server",
            f"{config.attack} changes the network before it is handed out, which {who} does not; "
            "set the server to malicious, or take another attack.",
        )
    if config.server == "malicious" and method.implant is None:
        able = ", ".join(name for name, other in METHODS.items() if other.implant is not None)
        yield (
            "server",
            f"{config.attack} changes nothing in the network, so the server is not malicious; "
            f"set it to honest, or take an attack that does ({able}).",
        )


def _to_task(config: AttackConfig, method: Method, task: Task) -> Iterator[Objection]:
    if task not in method.tasks:
        able = ", ".join(name for name, other in METHODS.items() if task in other.tasks)
        yield (
            "attack",
            f"{config.attack} does not work on {task} networks; take one of {able}.",
        )


def _to_knowledge(config: AttackConfig, method: Method, task: Task) -> Iterator[Objection]:
    if "targets" in method.needs:
        if task == "segmentation" and config.mask == "unknown":
            yield (
                "mask",
                f"{config.attack} must know the masks, and this attacker does not; "
                "set the mask to known, or take an attack that looks for it (two-stage).",
            )
        several = config.batch * config.sites > 1
        if task == "classification" and several and not labels_known(config):
            yield (
                "labels",
                f"{config.attack} must know the labels of several slices, and this attacker does "
                "not; set the labels to known, or take an attack that infers them (two-stage).",
            )
    if "public" in method.needs and config.public == "none":
        yield (
            "public",
            f"{config.attack} learns from slices of other people, and this attacker holds none; "
            "set public to others or phantoms.",
        )


def _to_extent(config: AttackConfig, method: Method) -> Iterator[Objection]:
    records = config.batch * config.sites
    if records > method.largest_batch:
        field = "batch" if config.batch > method.largest_batch else "sites"
        yield (
            field,
            f"{config.attack} takes the gradient of at most {method.largest_batch} "
            f"slice{'s' * (method.largest_batch > 1)} apart, and there are {records}; "
            "set batch and sites lower, or take another attack.",
        )
    if config.local_steps > 1 and not method.local_steps:
        yield (
            "local_steps",
            f"{config.attack} reads a gradient, not an update after {config.local_steps} local "
            "steps; set local steps to 1, or take another attack.",
        )
    if config.size > method.largest_size:
        yield (
            "size",
            f"{config.attack} works up to {method.largest_size} pixels a side, not "
            f"{config.size}; set a smaller size, or take another attack.",
        )
