"""What a reconstruction audit is: one frozen config that checks itself."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.auditing.claim import ADJACENCY, Claim
from workbench.auditing.trainings.catalogue import TRAININGS
from workbench.errors import check_choice, check_range


@dataclass(frozen=True, kw_only=True)
class MatchingConfig:
    """Which of many candidate slices was among the records, asked again and again.

    Args:
        engine: whose mechanism is attacked, a key of ``TRAININGS``.
        network: what is trained, as in ``AuditConfig``.
        noise_multiplier: > 0.
        sample_rate: in (0, 1].
        steps: of each training, >= 1.
        delta: for the sentence that states the claim, in (0, 1); the bound does not depend on it.
        max_grad_norm: > 0.
        candidates: equally likely slices, 2 to 1,024.
        trials: trainings, each with a slice drawn anew, >= 10.
        data: slices, a built-in name or a path; ``None`` draws phantoms, which cost no budget.
        size: side in pixels that they are resized to, 16 to 128.
        confidence: of the intervals, in (0, 1).

    Raises:
        BadInput: a value is out of its range.
    """

    engine: str = "bookkeeping"
    network: str = "cnn"
    noise_multiplier: float = 1.0
    sample_rate: float = 1.0
    steps: int = 10
    delta: float = 1e-5
    max_grad_norm: float = 1.0
    candidates: int = 64
    trials: int = 100
    data: str | None = None
    size: int = 32
    confidence: float = 0.95

    def __post_init__(self) -> None:
        check_choice("engine", self.engine, tuple(TRAININGS))
        check_range("max_grad_norm", self.max_grad_norm, "(0, inf)")
        check_range("candidates", self.candidates, "[2, 1024]")
        check_range("trials", self.trials, "[10, inf)")
        check_range("size", self.size, "[16, 128]")
        check_range("confidence", self.confidence, "(0, 1)")
        _ = self.claim

    @property
    def claim(self) -> Claim:
        """What the training claims of every slice."""
        return Claim(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.sample_rate,
            steps=self.steps,
            delta=self.delta,
            unit="slice",
            adjacency=ADJACENCY,
        )
