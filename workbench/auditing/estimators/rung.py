"""One estimate of an audit beside what it could show, and what it takes for granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Name = Literal["steinke", "one-run-fdp", "clopper-pearson", "end-to-end", "per-step"]


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A lower bound on the epsilon of a training.

    Attributes:
        name: for machines.
        label: for people.
        epsilon: the bound; infinity where no noise at all was found.
        ceiling: what it would be if the same steps had no noise at all: this many canaries show
            no more; infinity for a test that knows no limit.
        expected: its median for a correct implementation of the claim.
        assumption: what must hold for the bound to hold; one sentence.
        p_value: the smallest level at which the claim itself is refuted, in [0, 1].
    """

    name: Name
    label: str
    epsilon: float
    ceiling: float
    expected: float
    assumption: str
    p_value: float


LABELS: Final[dict[Name, str]] = {
    "steinke": "One run (Steinke et al.)",
    "one-run-fdp": "One run, trade-off curve (Mahloujifar et al.)",
    "clopper-pearson": "Error counts (Clopper, Pearson)",
    "end-to-end": "End to end, likelihood ratio",
    "per-step": "Step by step",
}

ASSUMPTIONS: Final[dict[Name, str]] = {
    "steinke": "Fair coins decided who took part; nothing else.",
    "one-run-fdp": "Fair coins, and the trade-off curve is Gaussian.",
    "clopper-pearson": "Canaries do not influence one another.",
    "end-to-end": (
        "Independent canaries, Poisson steps at the claimed rate, Gaussian noise of any size."
    ),
    "per-step": (
        "The sampler is correct, the noise Gaussian and new each time; who took part is known."
    ),
}
"""One sentence each, short enough for a figure's axis."""
