"""What the attacker knows besides the gradient."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """The attacker's side knowledge; the slices themselves are never part of it.

    Attributes:
        network: the architecture; its weights are not used, those of the observation are.
        size: side of the slices in pixels.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)`` where the attacker is told them;
            ``None`` where not.
        classes: how many a label or a mask can name, background included.
        public: slices of other people that the attacker holds, float32 ``(N, 1, H, W)`` in
            [0, 1]; ``None`` where none.
        public_targets: masks ``(N, 1, H, W)`` or labels ``(N,)`` of those; ``None`` where none.
    """

    network: nn.Module
    size: int
    targets: Tensor | None = None
    classes: int = 2
    public: Tensor | None = None
    public_targets: Tensor | None = None
