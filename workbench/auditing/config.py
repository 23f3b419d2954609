"""What an audit is: one frozen config that checks itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from workbench.accounting.guarantee import Unit
from workbench.auditing.claim import ADJACENCY, Claim
from workbench.auditing.fair import check_fair
from workbench.auditing.trainings.catalogue import TRAININGS
from workbench.auditing.zoo.catalogue import BUGS
from workbench.errors import BadInput, check_choice, check_range

_STATED: dict[str, Any] = {"delta": 1e-5, "unit": "slice", "adjacency": ADJACENCY}
"""What the workbench claims of its own trainings where nothing else is asked for."""


@dataclass(frozen=True, kw_only=True)
class AuditConfig:
    """One audit, complete.

    Args:
        engine: whose mechanism is audited, a key of ``TRAININGS``.
        training: in place of an engine, your own ``"package.module:function"``, which takes an
            ``auditing.exam.Exam``.
        bug: breaks the mechanism on purpose, a key of ``zoo.catalogue.BUGS``; ``None`` leaves it.
        network: what is trained, a name from the catalogue, ``"cnn-reflect"``, or
            ``"package.module:function"`` for your own.
        task: ``"segmentation"`` or ``"classification"``; ``None`` takes what the network is for.
        data: natural records, a built-in name or a path; ``None`` draws phantoms, which cost no
            budget.
        size: side in pixels that they are resized to, 16 to 128.
        noise_multiplier: that is claimed, > 0.
        sample_rate: that is claimed, in (0, 1].
        steps: that are charged, >= 1.
        delta: in (0, 1). It, ``unit`` and ``adjacency`` must be stated for a training of your own;
            of the workbench's they are 1e-5, ``"slice"`` and ``"add or remove one"``.
        unit: who is protected, a ``"patient"`` or a ``"slice"``.
        adjacency: which data sets are neighbours, ``"add or remove one"``.
        noise: where it comes from; only ``"secure"`` can be audited.
        max_grad_norm: > 0.
        optimizer: ``"sgd"`` or ``"adam"``.
        physical_batch: records that are in memory at once; larger draws come in parts, >= 1.
        canaries: how many there are; fair coins put about half of them among the records, >= 2.
        nulls: coordinates that hold noise alone, >= 100.
        members: which canaries are among the records, if coins of your own have decided it;
            ``None`` throws them.
        accept: tests whose outcome is known and does not decide, by name.
        confidence: of the bounds that are shown, in (0, 1).
        level: of the verdict: how likely a correct training is to be called broken, all tests
            together, in (0, 1e-3].

    Raises:
        BadInput: a value is out of its range, or cannot be audited.
    """

    engine: str = "bookkeeping"
    training: str | None = None
    bug: str | None = None
    network: str = "cnn"
    task: Literal["segmentation", "classification"] | None = None
    data: str | None = None
    size: int = 32
    noise_multiplier: float = 1.0
    sample_rate: float = 0.05
    steps: int = 200
    delta: float | None = None
    unit: Unit | None = None
    adjacency: str | None = None
    noise: Literal["secure", "seeded"] = "secure"
    max_grad_norm: float = 1.0
    optimizer: Literal["sgd", "adam"] = "sgd"
    physical_batch: int = 256
    canaries: int = 2000
    nulls: int = 6000
    members: tuple[bool, ...] | None = None
    accept: tuple[str, ...] = ()
    confidence: float = 0.95
    level: float = 1e-4

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if getattr(self, field) is not None:
                check_choice(field, getattr(self, field), choices)
        for field, interval in _RANGES.items():
            check_range(field, getattr(self, field), interval)
        if self.noise == "seeded":
            raise BadInput(
                "Seeded noise can be repeated by anybody who knows the seed, so there is no claim "
                "to audit; audit a run with secure noise.",
                field="noise",
            )
        if self.training is not None and self.bug is not None:
            raise BadInput(
                "A bug is planted into the workbench's own training; leave out training or bug.",
                field="bug",
            )
        if self.members is not None:
            check_fair(self.members, self.canaries)
        _ = self.claim

    @property
    def claim(self) -> Claim:
        """What is to be refuted.

        Raises:
            BadInput: a training of one's own comes without delta, unit or adjacency.
        """
        known = _STATED if self.training is None else {}
        stated = {name: getattr(self, name) for name in _STATED}
        return Claim(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.sample_rate,
            steps=self.steps,
            **(known | {name: value for name, value in stated.items() if value is not None}),
        )


_CHOICES = {
    "engine": tuple(TRAININGS),
    "bug": tuple(BUGS),
    "task": ("segmentation", "classification"),
    "noise": ("secure", "seeded"),
    "optimizer": ("sgd", "adam"),
}
_RANGES = {
    "size": "[16, 128]",
    "max_grad_norm": "(0, inf)",
    "physical_batch": "[1, inf)",
    "canaries": "[2, inf)",
    "nulls": "[100, inf)",
    "confidence": "(0, 1)",
    "level": "(0, 1e-3]",
}
