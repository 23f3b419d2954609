"""What is said about how a layer's gradients are taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LayerNote:
    """One layer of a network under an engine.

    Attributes:
        layer: its dotted name; empty for the network itself.
        type: of the module.
        rule: how the gradients of its parameters are taken and clipped, in words.
        parameters: how many numbers of it are trained.
    """

    layer: str
    type: str
    rule: str
    parameters: int

    def __str__(self) -> str:
        return f"{self.layer or 'network'} ({self.type}): {self.rule}"
