"""Copies of weights that were handed out, one per record, until their gradients come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor
from torch.utils.weak import TensorWeakRef

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.norms import in_full

if TYPE_CHECKING:
    from workbench.dpsgd.bookkeeping.tap import Tap

# So long a copy is kept whatever happens: a backward pass may come after the next zero_grad, and
# its graph may be gone before the step.
_AGES = 2


@dataclass(eq=False)
class Expected:
    """Copies of one parameter, ``(B * P,)``, whose gradient is expected.

    Attributes:
        tap: of the layer that they were handed to.
        number: of the parameter.
        records: B.
        copies: a leaf of the graph; ``None`` once only the graph keeps it.
        graph: what leads to the copies as long as a graph keeps them.
        age: how often something else was settled since.
    """

    tap: Tap
    number: int
    records: int
    copies: Tensor | None
    graph: TensorWeakRef
    age: int = 0

    def found(self) -> Tensor | None:
        """The copies, if a backward pass can still reach them."""
        return self.copies if self.copies is not None else self.graph()


class Expectations:
    """All copies that are out."""

    def __init__(self) -> None:
        self._open: list[Expected] = []

    def add(self, tap: Tap, number: int, copies: Tensor, records: int) -> None:
        """Expect a gradient of these copies."""
        graph = TensorWeakRef(copies)
        self._open.append(Expected(tap, number, records, copies, graph))

    @property
    def arrived(self) -> bool:
        """Whether a backward pass brought any gradient."""
        return any(copies.grad is not None for _, copies in self.all)

    @property
    def all(self) -> list[tuple[Expected, Tensor]]:
        """What is expected, with the copies that can still be reached."""
        pairs = [(expected, expected.found()) for expected in self._open]
        return [(expected, copies) for expected, copies in pairs if copies is not None]

    def settle(self, chunk_of: Callable[[Tap, int], Chunk] | None) -> None:
        """Book every gradient that came back; with no chunk, forget it."""
        still_open = []
        for expected, copies in self.all:
            if copies.grad is None:
                expected.age += 1
                if expected.age >= _AGES:
                    expected.copies = None
                still_open.append(expected)
            elif chunk_of is not None:
                chunk = chunk_of(expected.tap, expected.records)
                rows = in_full(copies.grad.view(expected.records, -1))
                layout = chunk.layout_of(expected.records)
                chunk.give_rows(expected.number, layout.sum_records(rows))
        self._open = still_open
