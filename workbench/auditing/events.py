"""What an audit tells while it runs, beside progress and its result."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.auditing.finding import Finding, Room
from workbench.runs.events import Event


@dataclass(frozen=True, kw_only=True)
class Probed(Event):
    """One test has been made; fields as in :class:`Finding`.

    Attributes:
        caught: whether it falsifies the claim, whatever the tests to come will say.
    """

    test: str
    room: Room
    p_value: float
    says: str
    measured: float
    expected: float
    caught: bool

    @classmethod
    def of(cls, finding: Finding, *, caught: bool) -> Probed:
        return cls(**vars(finding), caught=caught)
