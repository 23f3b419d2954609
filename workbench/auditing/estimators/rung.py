"""One estimate of an audit beside what it could show, and what it takes for granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Name = Literal["clopper-pearson", "steinke", "one-run-fdp", "end-to-end", "per-step"]


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
    "clopper-pearson": "Error counts (Clopper, Pearson)",
    "steinke": "One run (Steinke et al.)",
    "one-run-fdp": "One run, trade-off curve (Mahloujifar et al.)",
    "end-to-end": "End to end, likelihood ratio",
    "per-step": "Step by step",
}

ASSUMPTIONS: Final[dict[Name, str]] = {
    "clopper-pearson": "Canaries do not influence one another; the mechanism may be any.",
    "steinke": "Fair coins decided who took part; nothing else.",
    "one-run-fdp": "Fair coins decided who took part, and the trade-off curve is Gaussian.",
    "end-to-end": (
        "Canaries do not influence one another; the steps are Poisson-sampled with the claimed "
        "rate, and their noise is Gaussian of unknown size."
    ),
    "per-step": (
        "The sampler is correct and the noise is Gaussian and new in every step and coordinate; "
        "the auditor knows who took part in which step."
    ),
}
