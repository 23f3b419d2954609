"""What may be done to a gradient before it is shared, beside clipping and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.errors import BadInput


@dataclass(frozen=True)
class Defence:
    """One way to blunt a gradient. None of them comes with a guarantee.

    Attributes:
        kind: ``"prune"`` keeps the largest values of the whole gradient, ``"quantise"`` rounds
            them, ``"sign"`` shares only signs.
        amount: of ``prune`` the share of values that is kept, in (0, 1); of ``quantise`` the bits
            of a value, 1 to 16; of ``sign`` 1.
    """

    kind: Literal["prune", "quantise", "sign"]
    amount: float = 1.0

    def __str__(self) -> str:
        if self.kind == "prune":
            return f"pruned to its largest {self.amount:.3g} of values"
        if self.kind == "quantise":
            return f"rounded to {self.amount:g} bits a value"
        return "reduced to its signs"


def defence(text: str) -> Defence:
    """Read ``"prune:0.1"``, ``"quantise:8"`` or ``"sign"``.

    Raises:
        BadInput: it is none of them, or its number is out of range.
    """
    kind, _, number = text.partition(":")
    try:
        amount = float(number)
    except ValueError:
        amount = 0.0
    if kind == "sign" and not number:
        return Defence("sign")
    if kind == "prune" and 0 < amount < 1:
        return Defence("prune", amount)
    if kind == "quantise" and amount in range(1, 17):
        return Defence("quantise", amount)
    raise BadInput(
        f"There is no defence {text!r}; say prune:0.1 (the share that is kept, between 0 and 1), "
        "quantise:8 (bits, 1 to 16) or sign.",
        field="defence",
    )
