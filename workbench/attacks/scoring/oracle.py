"""The best picture that an attack ever showed, chosen by the truth; drawn apart."""

from __future__ import annotations

import numpy as np

from workbench.attacks.events import Reconstructing
from workbench.attacks.scoring.score import assign, decibel


class Oracle:
    """Follows what a watcher is shown and scores it against the truth.

    No attacker has an oracle. Its curve says how far the attack could have come, had it known
    when to stop, and keeps that apart from what it did choose.

    Args:
        truth: ``(B, H, W)`` in [0, 1].
    """

    def __init__(self, truth: np.ndarray) -> None:
        self._truth = truth
        self._points: list[tuple[float, float]] = []

    def see(self, frame: Reconstructing) -> None:
        """Score a frame of an attack on the record; frames of a floor are passed over."""
        if frame.target == "record":
            self._points.append((frame.before + frame.seconds, self._psnr(frame.image)))

    @property
    def best_psnr(self) -> float | None:
        """Of the best frame, in dB, averaged over the batch; ``None`` where there was none."""
        return max((psnr for _, psnr in self._points), default=None)

    @property
    def curve(self) -> np.ndarray:
        """float64 ``(T, 2)``: seconds of the whole work, dB of the frame shown then."""
        return np.array(self._points, dtype=np.float64).reshape(-1, 2)

    def _psnr(self, images: np.ndarray) -> float:
        gaps = (self._truth.astype(np.float64) - images[assign(self._truth, images)]) ** 2
        return float(np.mean([decibel(float(gap.mean())) for gap in gaps]))
