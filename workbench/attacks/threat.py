"""Who attacks, in a sentence: what they hold and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.attacks.config import AttackConfig

if TYPE_CHECKING:
    from workbench.models.losses import Task


def threat(config: AttackConfig, task: Task) -> str:
    """The threat model of an attack, for the person who reads its scores."""
    records = "one slice" if config.batch == 1 else f"{config.batch} slices"
    return (
        f"A server that follows the protocol and is curious: it holds the gradient of {records}, "
        f"{_treatment(config)}, and knows network, untrained weights, loss"
        f"{'' if config.noise_multiplier is None else ', clipping norm, noise'} and "
        f"{_told(config, task)}."
    )


def _treatment(config: AttackConfig) -> str:
    if config.noise_multiplier is None:
        return "neither clipped nor noised"
    if config.noise_multiplier == 0:
        return f"clipped to norm {config.max_grad_norm:g}, without noise"
    return (
        f"clipped to norm {config.max_grad_norm:g}, with noise multiplier "
        f"{config.noise_multiplier:g}"
    )


def _told(config: AttackConfig, task: Task) -> str:
    if config.attack == "analytic":
        return "batch size"
    if task == "segmentation":
        return "the mask" if config.batch == 1 else "the masks"
    return "batch size (the label it infers)" if config.batch == 1 else "the labels"
