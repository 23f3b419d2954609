"""What a training says while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from workbench.runs.events import Event

MAIN_SCORE: Mapping[str, str] = {"segmentation": "dice", "classification": "auroc"}
"""By task, the score that curves and tables show first."""

SCORES: tuple[str, ...] = (
    "dice",
    "dice_global",
    "hausdorff95",
    "auroc",
    "balanced_accuracy",
    "mcc",
    "ece",
)
"""Everything that ``training.metrics.scores`` measures, of any task."""


@dataclass(frozen=True, kw_only=True)
class Step(Event):
    """One optimizer step was taken.

    Attributes:
        step: counted from 1.
        total: steps planned.
        epsilon: spent so far at the run's delta; infinity where nothing is private.
        loss: mean training loss of the drawn records; ``None`` in a private run, because the
            training loss of private records is not covered by the guarantee.
        records: slices drawn; ``None`` in a private run, for the same reason.
        seconds: the step took; ``None`` in records of older versions.
    """

    step: int
    total: int
    epsilon: float
    loss: float | None
    records: int | None
    seconds: float | None = None

    @property
    def progress(self) -> tuple[float, float]:
        return self.step, self.total


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something that a person should know now, in one sentence; the training goes on."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Validated(Event):
    """The network was tried on the validation patients.

    Attributes:
        loss: mean validation loss.
        scores: name to value, as ``training.metrics.scores`` has them.
        groups: the same for each group of validation slices, with its ``"count"`` and its
            ``"patients"``, as ``training.subgroups.group_scores`` has them; empty while the
            training goes on.
    """

    step: int
    loss: float
    scores: Mapping[str, float]
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Preview(Event):
    """What the network says now about a few validation slices.

    Attributes:
        images: uint8 ``(K, H, W)``.
        truths: uint8 ``(K, H, W)`` class index of each pixel; ``(K,)`` class of each slice.
        predictions: uint8 ``(K, H, W)`` probability of any foreground times 255 for segmentation;
            float32 ``(K, classes)`` probabilities for classification.
        attributions: int8 ``(K, H, W)``, -127 to 127: how far each pixel spoke against or for the
            prediction (captum, input times gradient, smoothed); ``None`` where not computed.
    """

    step: int
    images: np.ndarray
    truths: np.ndarray
    predictions: np.ndarray
    attributions: np.ndarray | None = None
