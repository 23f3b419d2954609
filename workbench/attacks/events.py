"""What an attack tells while it runs, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.runs.events import Event


@dataclass(frozen=True, kw_only=True)
class Posed(Event):
    """The question, for whoever watches; no attack ever receives this event.

    Attributes:
        truth: float32 ``(B, H, W)``, the slices behind the gradient.
        baseline: float32 ``(H, W)``, the best guess of somebody who has not seen the gradient.
        mask: uint8 ``(B, H, W)``, class index of every pixel; all 0 for a classifier.
    """

    truth: np.ndarray
    baseline: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Reconstructing(Event):
    """What the attacker believes at this moment.

    Attributes:
        seconds: since this attack began.
        budget: seconds it may take.
        stage: what it is doing, in words (``"refining"``).
        objective: how far the gradient of ``image`` is from the observed one, as the attacker
            sees it: squared distance over squared norm. Small does not mean a good picture.
        image: float32 ``(B, H, W)`` in [0, 1].
        mask: float32 ``(B, H, W)`` in [0, 1], where the attacker looks for the masks too.
        restart: attempt, counted from 0.
        target: ``"record"`` attacks the real gradient, ``"floor"`` one that holds only noise.
        before: seconds of the whole work that lie before this attack.
        total: seconds of the whole work.
    """

    seconds: float
    budget: float
    stage: str
    objective: float
    image: np.ndarray
    mask: np.ndarray | None = None
    restart: int = 0
    target: Literal["record", "floor"] = "record"
    before: float = 0.0
    total: float = 0.0

    @property
    def progress(self) -> tuple[float, float]:
        total = self.total or self.budget
        return min(self.before + self.seconds, total), total


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstruction:
    """What an attack ends with.

    Attributes:
        images: float32 ``(B, H, W)`` in [0, 1].
        labels: int ``(B,)`` as inferred or known; ``None`` for segmentation.
        objective: of ``images``; what restarts are chosen by.
        objective_history: float64 ``(T, 2)``, seconds and objective.
        seconds: that it took.
        masks: float32 ``(B, H, W)`` in [0, 1], probabilities of the foreground as recovered;
            ``None`` where they were known or there are none.
    """

    images: np.ndarray
    labels: np.ndarray | None
    objective: float
    objective_history: np.ndarray
    seconds: float
    masks: np.ndarray | None = None
