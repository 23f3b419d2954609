"""What one test of an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Room = Literal["canaries", "sensitivity", "noise", "sampler", "finiteness", "bookkeeping"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One test and its result.

    Attributes:
        test: its name, ``"noise-variance"``; stable, for machines.
        room: what it looks at.
        p_value: how likely a correct implementation of the claim shows this much or more, in
            [0, 1]; exactly 0 where a deterministic bound was broken, 1 where nothing speaks
            against the claim.
        says: one sentence with the figures, for a person.
        measured: the figure itself, in the unit that the sentence names.
        expected: what a correct implementation would show.
    """

    test: str
    room: Room
    p_value: float
    says: str
    measured: float
    expected: float
