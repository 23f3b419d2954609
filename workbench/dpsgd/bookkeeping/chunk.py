"""What the layers hand in while one chunk's backward pass runs, and the clipped sum of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.norms import clip_weights, in_full, squared_norms

# Parameters smaller than this are put side by side: one operation for all biases and scales.
_SMALL = 4096


@dataclass(frozen=True, eq=False)
class Ghost:
    """Gradients of one parameter that are never written out: their norms, and how to add them.

    Attributes:
        squares: float64 ``(U,)``, squared norms of the units' gradients.
        add: ``(weights of the units (U,), sum (P,))``: add the weighted gradients to the sum,
            leaving out what belongs to units of weight 0 even where it is not a number.
        rows: the gradients after all, ``(U, P)``.
    """

    squares: Tensor
    add: Callable[[Tensor, Tensor], None]
    rows: Callable[[], Tensor]


@dataclass(eq=False)
class Chunk:
    """Gradients of the units of one chunk, by parameter number.

    A parameter that several calls or layers use gets its contributions added up before any norm
    is taken.

    Attributes:
        probed: whether this chunk is to be compared with plain autograd.
        lowered: whether autocast computes it in a half-precision type.
        layout: of its records; known when the backward pass begins.
        touched: set where a backward pass began that books nothing before its end.
        rows: the units' gradients, ``(U, P)``.
        ghosts: those that are not written out.
    """

    probed: bool = False
    lowered: bool = False
    layout: Layout | None = None
    touched: bool = False
    rows: dict[int, Tensor] = field(default_factory=dict)
    ghosts: dict[int, Ghost] = field(default_factory=dict)

    def layout_of(self, records: int) -> Layout:
        """The layout; each record its own unit where nothing else was said."""
        if self.layout is None:
            self.layout = Layout.single(records)
        return self.layout

    def holds(self, parameter: int) -> bool:
        """Whether something was handed in for this parameter: a ghost would not do any more."""
        return parameter in self.rows or parameter in self.ghosts

    def give_rows(self, parameter: int, rows: Tensor) -> None:
        """Hand in the units' gradients of a parameter, ``(U, P)``."""
        rows = in_full(rows)
        if parameter in self.ghosts:
            self.rows[parameter] = self.ghosts.pop(parameter).rows()
        known = self.rows.get(parameter)
        self.rows[parameter] = rows if known is None else known + rows

    def give_ghost(self, parameter: int, ghost: Ghost) -> None:
        """Hand in the first and only contribution to a parameter without writing it out."""
        self.ghosts[parameter] = ghost

    @property
    def is_touched(self) -> bool:
        """Whether a backward pass has begun."""
        return bool(self.rows or self.ghosts or self.touched)

    @property
    def parameters(self) -> set[int]:
        """The parameters that a gradient reached."""
        return self.rows.keys() | self.ghosts.keys()

    def norms(self) -> Tensor:
        """L2 norm of every unit's whole gradient, float64 ``(U,)``."""
        small, large = self._by_size()
        parts = [squared_norms(torch.cat(small, 1))] if small else []
        parts += [squared_norms(rows) for rows in large]
        parts += [ghost.squares for ghost in self.ghosts.values()]
        return torch.stack(parts).sum(0).sqrt_()

    def squares_by_parameter(self) -> dict[int, Tensor]:
        """Squared norms of every parameter's share, float64 ``(U,)`` each."""
        return {key: squared_norms(rows) for key, rows in self.rows.items()} | {
            key: ghost.squares for key, ghost in self.ghosts.items()
        }

    def clip(self, norms: Tensor, max_grad_norm: float, dtype: torch.dtype) -> Tensor:
        """Weights of the units, ``(U,)``; gradients without a finite norm are emptied."""
        if not math.isfinite(norms.sum().item()):
            lost = ~torch.isfinite(norms)
            for rows in self.rows.values():
                rows[lost] = 0  # 0 times infinity would not be 0
        return clip_weights(norms, max_grad_norm, dtype)

    def add(self, weights: Tensor, sums: Sequence[Tensor]) -> None:
        """Add the weighted gradients of all units to the sums, one ``(P,)`` a parameter."""
        small = {key: rows for key, rows in self.rows.items() if rows.shape[1] < _SMALL}
        if small:
            added = weights @ _typed(torch.cat(list(small.values()), 1), weights)
            parts = added.split([rows.shape[1] for rows in small.values()])
            torch._foreach_add_([sums[key] for key in small], list(parts))
        for key, rows in self.rows.items():
            if key not in small:
                sums[key].addmv_(_typed(rows, weights).t(), weights)
        for key, ghost in self.ghosts.items():
            ghost.add(weights, sums[key])

    def _by_size(self) -> tuple[list[Tensor], list[Tensor]]:
        small = [rows for rows in self.rows.values() if rows.shape[1] < _SMALL]
        return small, [rows for rows in self.rows.values() if rows.shape[1] >= _SMALL]


def _typed(rows: Tensor, weights: Tensor) -> Tensor:
    return rows if rows.dtype == weights.dtype else rows.to(weights.dtype)
