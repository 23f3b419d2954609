"""What a comparison of engines is asked, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.errors import check_range
from workbench.runs.events import Event

ORDINARY = "ordinary"
"""The step without privacy, which all others are measured against."""


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Which step is taken.

    Args:
        model: a name from the catalogue, or ``"package.module:function"``.
        task: what it is trained for.
        size: side of the pictures in pixels.
        batch: pictures, >= 1.
        slices_each: how many of them belong to one patient, >= 1.
        rounds: steps of each engine, >= 1.
        seed: of weights, pictures and the noise of the first step.

    Raises:
        BadInput: a value is out of its range.
    """

    model: str = "unet"
    task: Literal["segmentation", "classification"] = "segmentation"
    size: int = 64
    batch: int = 16
    slices_each: int = 1
    rounds: int = 7
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch", "slices_each", "rounds"):
            check_range(name, getattr(self, name), "[1, inf)")
        check_range("size", self.size, "[16, 512]")


@dataclass(frozen=True, kw_only=True)
class Compared(Event):
    """What is known of one engine so far.

    Attributes:
        engine: a key of ``ENGINES``, or ``"ordinary"``.
        seconds: median of its steps.
        ratio: median over the rounds of its time over the ordinary step's.
        memory_mib: that its second step held beyond what stood before.
        difference: L2 distance of its first gradient from book-keeping's, over that one's norm,
            with the same noise; ``None`` for the ordinary step.
        refused: why it cannot take this step; the numbers are then 0.
    """

    engine: str
    seconds: float = 0.0
    ratio: float = 0.0
    memory_mib: float = 0.0
    difference: float | None = None
    refused: str = ""
