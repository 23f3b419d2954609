"""The two cases between which every attack lies: the worst one, and a realistic one."""

from __future__ import annotations

from typing import Any, Final

from workbench.attacks.config import AttackConfig
from workbench.attacks.defence import defence
from workbench.panels.attack_methods import task_of
from workbench.panels.attack_networks import NETWORKS
from workbench.panels.attack_trained import Training

FEW: Final = 4
"""Slices behind a gradient in the realistic case."""

SMOOTH: Final = frozenset({"elu", "silu", "gelu", "tanh", "sigmoid"})

_COMMON: Final[dict[str, Any]] = {
    "attack": "two-stage", "server": "honest", "normalisation": None, "task": None,
    "local_steps": 1, "rounds": 1, "sites": 1, "defence": None,
}  # fmt: skip


def worst_case() -> dict[str, Any]:
    """Choices under which nothing stands in the attacker's way; the slice is left as it is."""
    return {
        **_COMMON, "model": "unet", "activation": None, "trained": None, "mask": "known",
        "labels": None, "public": "none", "batch": 1, "noise_multiplier": None, "seconds": 15.0,
    }  # fmt: skip


def realistic_case(training: Training | None, *, image: str | None) -> dict[str, Any]:
    """Choices that a real training comes close to.

    Args:
        training: whose weights and whose noise are taken; where there is none, the network is
            untrained, has ReLUs, and adds no noise.
        image: slices to attack instead of those that are chosen, where these are too few and
            no training says which; ``None`` leaves them.
    """
    return {
        **_COMMON, "mask": "unknown", "labels": "inferred", "public": "others", "batch": FEW,
        "index": 0, "seconds": 60.0,
        **(_untrained(image) if training is None else _of(training)),
    }  # fmt: skip


def _untrained(image: str | None) -> dict[str, Any]:
    where = {} if image is None else {"image": image}
    return {
        "model": "unet", "activation": "relu", "trained": None, "noise_multiplier": None, **where,
    }  # fmt: skip


def _of(training: Training) -> dict[str, Any]:
    size = {} if training.size is None else {"size": training.size}
    clipped = {} if training.max_grad_norm is None else {"max_grad_norm": training.max_grad_norm}
    return {
        "model": training.model, "activation": None, "trained": training.run,
        "image": training.data, "noise_multiplier": training.noise, **size, **clipped,
    }  # fmt: skip


def case_words(config: AttackConfig) -> str:
    """Which of the two an attack is, or what it has of each, in a sentence or two."""
    ways = obstacles(config)
    if not ways:
        return (
            "Worst case for the patient: untrained, smooth activation, known targets, one slice, "
            "no noise."
        )
    unknown, several = _unknown(config), config.batch * config.sites >= FEW
    if unknown and several and config.trained:
        return f"Realistic case: {_listed(ways)} stand in the attacker's way."
    if unknown and several:
        return (
            "Realistic but for the weights: no training of this network is finished or chosen. "
            "Train one in the Train panel, then press again."
        )
    return f"Between worst and realistic: {_listed(ways)} in the attacker's way."


def is_worst(config: AttackConfig) -> bool:
    """Whether nothing stands in the attacker's way."""
    return not obstacles(config)


def obstacles(config: AttackConfig) -> list[str]:
    """What the attacker has to overcome, each in a few words; clipping alone is no obstacle."""
    records = config.batch * config.sites
    found = {
        "trained weights": bool(config.trained),
        "kinks in the network": not _smooth(config),
        "an unknown mask": _unknown(config) and task_of(config) == "segmentation",
        "unknown labels": _unknown(config) and task_of(config) == "classification",
        f"{records} slices in one gradient": records > 1,
        f"{config.local_steps} local steps": config.local_steps > 1,
        f"a gradient {_blunted(config)}": bool(config.defence),
        "noise": bool(config.noise_multiplier),
    }
    return [words for words, here in found.items() if here]


def _smooth(config: AttackConfig) -> bool:
    """Of a person's own network nothing is known, so it is not called smooth."""
    if config.activation is not None:
        return config.activation in SMOOTH
    network = NETWORKS.get(config.model)
    return network is not None and network.smooth


def _unknown(config: AttackConfig) -> bool:
    if task_of(config) == "segmentation":
        return config.mask == "unknown"
    return config.labels == "inferred" and config.batch * config.sites > 1


def _blunted(config: AttackConfig) -> str:
    return "" if config.defence is None else str(defence(config.defence))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
