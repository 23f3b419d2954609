"""Who attacks: what they see, what they are told, what they may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.attacks.config import AttackConfig
from workbench.attacks.defence import defence

if TYPE_CHECKING:  # the panel reads this and loads no torch
    from workbench.models.losses import Task


@dataclass(frozen=True, kw_only=True)
class ThreatModel:
    """What an attacker holds. Printing it gives the sentence that stands beside every score.

    Attributes:
        server: ``"honest"`` follows the protocol and is curious, ``"malicious"`` may change the
            network, ``"eavesdropper"`` reads what passes on the wire.
        sees: what reaches them, in words.
        told: what they are told of the records' masks or labels, in words; empty for nothing.
        knows_mechanism: whether clipping norm and noise are known to them.
        public: which slices of other people they hold, in words; empty for none.
        trained: whether the network's weights are trained.
    """

    server: Literal["honest", "malicious", "eavesdropper"]
    sees: str
    told: str
    knows_mechanism: bool
    public: str = ""
    trained: bool = False

    def __str__(self) -> str:
        weights = "trained weights" if self.trained else "untrained weights"
        mechanism = ", clipping norm, noise" if self.knows_mechanism else ""
        told = self.told or "neither masks nor labels"
        public = f"; it holds {self.public}" if self.public else ""
        return (
            f"{_WHO[self.server]}: it holds {self.sees}, and knows network, {weights}, "
            f"loss{mechanism} and {told}{public}."
        )


_WHO = {
    "honest": "A server that follows the protocol and is curious",
    "malicious": "A server that changes the network before it hands it out",
    "eavesdropper": "Somebody who reads what passes on the wire",
}


READ_OFF = ("analytic", "imprint")
"""Attacks that read slices off a gradient and search for nothing."""


def threat(config: AttackConfig, task: Task) -> ThreatModel:
    """The threat model of an attack."""
    private = config.noise_multiplier is not None
    return ThreatModel(
        server=config.server,
        sees=f"{_shared(config)}, {_treatment(config)}",
        told=_told(config, task),
        knows_mechanism=private and config.server != "eavesdropper",
        public=_public(config),
        trained=config.trained is not None,
    )


_PUBLIC = {"none": "", "others": "slices of other patients", "phantoms": "synthetic slices"}


def _public(config: AttackConfig) -> str:
    if config.public == "none" and config.server == "malicious":
        return f"{_PUBLIC['phantoms']} to set its layer by"
    return _PUBLIC[config.public]


def _shared(config: AttackConfig) -> str:
    records = "one slice" if config.batch == 1 else f"{config.batch} slices"
    what = (
        f"the gradient of {records}"
        if config.local_steps == 1
        else f"the update after {config.local_steps} local steps on {records}"
    )
    if config.sites > 1:
        what = f"the sum over {config.sites} sites of {what} each"
    return what if config.rounds == 1 else f"{what}, in {config.rounds} rounds"


def _treatment(config: AttackConfig) -> str:
    done = "" if config.defence is None else f", {defence(config.defence)}"
    if config.noise_multiplier is None:
        return f"neither clipped nor noised{done}"
    if config.noise_multiplier == 0:
        return f"clipped to norm {config.max_grad_norm:g}, without noise{done}"
    return (
        f"clipped to norm {config.max_grad_norm:g}, with noise multiplier "
        f"{config.noise_multiplier:g}{done}"
    )


def _told(config: AttackConfig, task: Task) -> str:
    if config.attack in READ_OFF:
        return "batch size"
    several = config.batch * config.sites > 1
    if task == "segmentation":
        if config.mask == "unknown":
            return "batch size (the masks it looks for)" if several else "no mask (it looks for it)"
        return "the masks" if several else "the mask"
    if labels_known(config):
        return "the labels" if several else "the label"
    return "batch size (the labels it infers)" if several else "batch size (the label it infers)"


def labels_known(config: AttackConfig) -> bool:
    """Whether a classifier's labels are told: by default those of a batch."""
    if config.labels is None:
        return config.batch * config.sites > 1
    return config.labels == "known"
