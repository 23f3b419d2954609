"""One optimisation attack on its way: its time, its best guess, what it shows."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess

Attack = Generator[Reconstructing, None, Reconstruction]
"""What every attack is: frames while it runs, in the end what it found."""

_FRAME_SECONDS = 0.15


class Search:
    """Follows the stages of an attack, which share its time, and remembers the best guess.

    Guesses are compared by the objective that the attacker sees. A guess that is not finite is
    never the best, so a search that goes astray falls back to what it had.

    Args:
        shape: of the images, ``(B, 1, H, W)``.
        seconds: for all attempts together, > 0.

    Attributes:
        clock: of the whole attack.
        best: of all attempts.
        own_best: of this attempt.
    """

    def __init__(self, shape: tuple[int, ...], seconds: float) -> None:
        self.clock = Clock(seconds)
        self._nothing = Guess(Candidate(torch.full(shape, 0.3)), math.inf)
        self.best = self.own_best = self._nothing
        self._history: list[tuple[float, float]] = []
        self._shown_at = -math.inf
        self._attempt = -1
        self._earlier = self._nothing

    def begin(self, start: Candidate | None = None) -> None:
        """Begin another attempt, from this candidate."""
        self._attempt += 1
        self._earlier = self.best
        self.own_best = self._nothing if start is None else Guess(start, math.inf)
        if start is not None and self.best is self._nothing:
            self.best = self.own_best

    def follow(
        self, stage: str, guesses: Iterator[Guess], *, compared: bool = True
    ) -> Iterator[Reconstructing]:
        """Go through one stage, showing where it is a few times a second.

        Args:
            stage: what it does, in words.
            guesses: of the stage.
            compared: whether they are guesses by the objective of the search; others are shown
                and not remembered.
        """
        for guess in guesses:
            if compared:
                self._keep(guess)
            if self.clock.elapsed - self._shown_at >= _FRAME_SECONDS:
                yield self._frame(stage, guess)

    def forget(self) -> None:
        """Compare anew from this attempt's best candidate: what it descends on has changed.

        The attempts before have ended, and their best stays as it is.
        """
        self.own_best = Guess(self.own_best.candidate, math.inf)
        self.best = self.own_best if self._earlier is self._nothing else self._earlier

    def done(self) -> Reconstructing:
        """The last frame of an attempt."""
        return self._frame("done", self.own_best)

    def result(self, labels: Tensor | None = None) -> Reconstruction:
        """What the attack ends with; ``labels`` int ``(B,)`` of a classifier."""
        found = self.best.candidate
        return Reconstruction(
            images=picture(found.images),
            labels=None if labels is None else labels.numpy(),
            masks=None if found.targets is None else picture(found.targets),
            objective=self.best.objective,
            objective_history=np.array(self._history, dtype=np.float64).reshape(-1, 2),
            seconds=self.clock.elapsed,
        )

    def _keep(self, guess: Guess) -> None:
        self._history.append((self.clock.elapsed, guess.objective))
        if guess.objective < self.own_best.objective:
            self.own_best = guess
        if guess.objective < self.best.objective:
            self.best = guess

    def _frame(self, stage: str, guess: Guess) -> Reconstructing:
        self._shown_at = self.clock.elapsed
        targets = guess.candidate.targets
        return Reconstructing(
            seconds=self.clock.elapsed,
            budget=self.clock.budget,
            stage=stage,
            objective=guess.objective,
            image=picture(guess.candidate.images),
            mask=None if targets is None else picture(targets),
            restart=self._attempt,
        )


def picture(images: Tensor) -> np.ndarray:
    """float32 ``(B, H, W)`` in [0, 1] for people, of ``(B, 1, H, W)``."""
    shown: np.ndarray = images[:, 0].detach().float().clamp(0, 1).nan_to_num().numpy()
    return shown
