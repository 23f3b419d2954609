"""Modules without a rule of our own: any forward pass at all, record by record.

The module runs as it is, but with its parameters detached, so that ordinary autograd carries the
gradient of the input through it. A tap behind it catches the gradients of its outputs; from these
and the inputs the parameters' gradients are computed for every record, by the sampler registered
with Opacus for this exact type, else by torch.func.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from opacus.grad_sample import GradSampleModule
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.utils.weight_norm import WeightNorm
from torch.utils._pytree import tree_flatten, tree_unflatten

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.norms import in_full
from workbench.dpsgd.bookkeeping.tap import Tap
from workbench.errors import BadInput


class FallbackTap(Tap):
    """Takes a whole module, children included, as one layer."""

    rule = "torch.func, record by record"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._bare = _Bare(self)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        inputs, spec = tree_flatten((args, kwargs))
        if any(isinstance(x, Tensor) and x.dim() and len(x) == 0 for x in inputs):
            return self.original(*args, **kwargs)
        self._check(inputs)
        self.recorder.open()
        detached = {name: p.detach() for name, p in self._bare.named_parameters()}
        outputs, out_spec = tree_flatten(functional_call(self._bare, detached, args, kwargs))
        places = [i for i, out in enumerate(outputs) if _differentiable(out)]
        call = _Call(self, [x.detach() if isinstance(x, Tensor) else x for x in inputs], spec,
                     places, torch.get_autocast_dtype("cpu"))
        caught = Caught.apply(call, *[outputs[i] for i in places], *self._trained().values())
        for place, out in zip(places, caught, strict=True):
            outputs[place] = out
        return tree_unflatten(outputs, out_spec)

    def book(self, chunk: Chunk, call: _Call, grads: list[Tensor | None]) -> None:
        """Book the parameters' gradients of one call."""
        layout = chunk.layout_of(call.records)
        for number, rows in self.gradients(call, grads).items():
            chunk.give_rows(number, layout.sum_records(in_full(rows)))

    def gradients(self, call: _Call, grads: list[Tensor | None]) -> dict[int, Tensor]:
        """Gradients of every record, ``(B, ...)``, by parameter number."""
        parameters = {name: p.detach() for name, p in self._trained().items()}
        rest = {name: p.detach() for name, p in self._bare.named_parameters()}
        tensors = [x for x in call.inputs if isinstance(x, Tensor)]

        def product(trained: dict[str, Tensor], own: list[Tensor], seen: list[Tensor]) -> Tensor:
            outputs = call.run({**rest, **trained}, [x.unsqueeze(0) for x in own])
            terms = [
                (out * gradient.unsqueeze(0)).sum()
                for out, gradient in zip(outputs, seen, strict=True)
            ]
            return torch.stack(terms).sum()

        seen = [
            torch.zeros_like(out) if gradient is None else gradient
            for gradient, out in zip(grads, call.outputs, strict=True)
        ]
        with self._explained():
            found = vmap(grad(product), in_dims=(None, 0, 0))(parameters, tensors, seen)
        return {self.numbers[name.removeprefix("layer.")]: rows for name, rows in found.items()}

    def _trained(self) -> dict[str, nn.Parameter]:
        own = dict(self.layer.named_parameters())
        return {f"layer.{name}": own[name] for name in self.numbers}
