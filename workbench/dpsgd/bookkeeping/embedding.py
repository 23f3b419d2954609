"""Embeddings: a record uses few of the vectors, so only those are kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.dpsgd.bookkeeping.chunk import Chunk, Ghost
from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.norms import in_full, squared_norms
from workbench.dpsgd.bookkeeping.tap import LayerTap


class EmbeddingTap(LayerTap):
    """The rule for ``nn.Embedding``: only the vectors that a unit looked up are kept."""

    rule = "instantiated, the looked-up vectors only"
    layer: nn.Embedding

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (F.embedding(x, self.layer.weight, self.layer.padding_idx),)

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> None:
        number, layout = self.numbers["weight"], chunk.layout_of(x.shape[0])
        words = _looked_up(x, in_full(grad), layout, self.layer)
        if chunk.holds(number) or self.recorder.strategy == "instantiate":
            chunk.give_rows(number, words.rows())
        else:
            chunk.give_ghost(number, Ghost(words.squares(), words.add, words.rows))


@dataclass(frozen=True, eq=False)
class _Words:
    """Summed gradients of the pairs of unit and word that occur.

    Attributes:
        sums: ``(n, D)``.
        units: int64 ``(n,)``.
        words: int64 ``(n,)``.
        shape: ``(U, V, D)``, with all units and words.
    """

    sums: Tensor
    units: Tensor
    words: Tensor
    shape: tuple[int, int, int]

    def squares(self) -> Tensor:
        squares = squared_norms(self.sums)
        return squares.new_zeros(self.shape[0]).index_add_(0, self.units, squares)

    def add(self, weights: Tensor, total: Tensor) -> None:
        weights = weights[self.units].unsqueeze(1)
        values = torch.where(weights == 0, self.sums.new_zeros(()), self.sums * weights)
        total.view(self.shape[1:]).index_add_(0, self.words, values.to(total.dtype))

    def rows(self) -> Tensor:
        rows = self.sums.new_zeros(self.shape)
        rows[self.units, self.words] = self.sums
        return rows.flatten(1)


def _looked_up(x: Tensor, grad: Tensor, layout: Layout, layer: nn.Embedding) -> _Words:
    records = torch.arange(x.shape[0], device=x.device)
    if layout.unit_of_record is not None:
        records = layout.unit_of_record
    units = (records % layout.units).repeat_interleave(x[0].numel())
    words, gradients = x.flatten(), grad.reshape(-1, grad.shape[-1])
    if layer.padding_idx is not None:
        kept = words != layer.padding_idx
        units, words, gradients = units[kept], words[kept], gradients[kept]
    size = layer.num_embeddings
    pairs, place = torch.unique(units * size + words, return_inverse=True)
    sums = gradients.new_zeros(len(pairs), grad.shape[-1]).index_add_(0, place, gradients)
    return _Words(sums, pairs // size, pairs % size, (layout.units, size, grad.shape[-1]))
