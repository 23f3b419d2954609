"""What an attack is: one frozen config that checks itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from workbench.errors import BadInput, check_choice

ATTACKS = ("two-stage", "analytic")
LARGEST_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class AttackConfig:
    """One attack on one shared gradient, complete: the same config is the same attack.

    Args:
        image: whose slice to take: a built-in name (``"CT_small"``) or a path.
        index: which slice of that set, counted from 0; a batch takes the slices that follow.
        size: side in pixels that slices are resized to, 16 to 512.
        model: a name from the catalogue, or ``"package.module:function"`` for your own.
        task: ``"segmentation"`` or ``"classification"``; ``None`` takes what the data have and
            the model can do.
        attack: ``"two-stage"`` searches for an image with this gradient; ``"analytic"`` reads the
            image off the gradient of a network's first linear layer.
        batch: slices behind the one gradient, 1 to 64.
        seconds: time that the attack may take, restarts included, > 0.
        noise_multiplier: ``None`` shares the plain mean gradient, nothing clipped, nothing added;
            0 clips to ``max_grad_norm`` and adds nothing; above 0 is DP-SGD's gradient.
        max_grad_norm: L2 norm that each record's gradient is clipped to, > 0.
        delta: of the epsilon that stands beside the noise, in (0, 1).
        restarts: attempts from different starting images, which share ``seconds``, 1 to 100.
        floor: whether the same attack is also made on a gradient that holds noise and no record;
            it takes as long again.
        seed: of weights, noise and starting images.
        surgery: whether layers that break per-record privacy may be replaced.

    Raises:
        BadInput: a value is out of its range.
    """

    image: str = "CT_small"
    index: int = 0
    size: int = 64
    model: str = "unet"
    task: Literal["segmentation", "classification"] | None = None
    attack: Literal["two-stage", "analytic"] = "two-stage"
    batch: int = 1
    seconds: float = 15.0
    noise_multiplier: float | None = None
    max_grad_norm: float = 1.0
    delta: float = 1e-5
    restarts: int = 1
    floor: bool = True
    seed: int = 0
    surgery: bool = True

    def __post_init__(self) -> None:
        check_choice("attack", self.attack, ATTACKS)
        if self.task is not None:
            check_choice("task", self.task, ("segmentation", "classification"))
        _whole("index", self.index, 0, None)
        _whole("size", self.size, 16, 512)
        _whole("batch", self.batch, 1, LARGEST_BATCH)
        _whole("restarts", self.restarts, 1, 100)
        _whole("seed", self.seed, 0, None)
        if not 0 < self.seconds < math.inf:
            raise BadInput(
                f"Seconds must be above 0, not {self.seconds:g}; give the attack some time.",
                field="seconds",
            )
        if self.noise_multiplier is not None and not 0 <= self.noise_multiplier < math.inf:
            raise BadInput(
                f"Noise multiplier must be 0 or more, not {self.noise_multiplier:g}; "
                "leave it out to share the gradient as it is.",
                field="noise_multiplier",
            )
        if not 0 < self.max_grad_norm < math.inf:
            raise BadInput(
                f"Max grad norm must be above 0, not {self.max_grad_norm:g}.",
                field="max_grad_norm",
            )
        if not 0 < self.delta < 1:
            raise BadInput(
                f"Delta must lie between 0 and 1, not {self.delta:g}; 1e-5 is usual.",
                field="delta",
            )


def _whole(field: str, value: int, low: int, high: int | None) -> None:
    if value < low or (high is not None and value > high):
        wanted = f"{low} or more" if high is None else f"{low} to {high}"
        raise BadInput(f"{field.capitalize()} must be {wanted}, not {value}.", field=field)
