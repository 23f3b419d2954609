"""Modules without a rule of our own: any forward pass at all, record by record.

The module runs as it is, but with its parameters detached, so that ordinary autograd carries the
gradient of the input through it. A tap behind it catches the gradients of its outputs; from these
and the inputs the parameters' gradients are computed for every record, by the sampler registered
with Opacus for this exact type, else by torch.func.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from opacus.grad_sample import GradSampleModule
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.weight_norm import WeightNorm
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from workbench.dpsgd.bookkeeping.norms import in_full
from workbench.dpsgd.bookkeeping.strides import standard
from workbench.dpsgd.bookkeeping.tap import Tap
from workbench.errors import BadInput

if TYPE_CHECKING:
    from workbench.dpsgd.bookkeeping.probe import Truth


class FallbackTap(Tap):
    """Takes a whole module, children included, as one layer."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.bare = _Bare(self.layer, self.original)
        own = dict(self.layer.named_parameters())
        self.trained = {f"layer.{name}": own[name] for name in self.numbers}

    def run(self, *args: Any, **kwargs: Any) -> Any:
        inputs, spec = tree_flatten((args, kwargs))
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        if not tensors or any(x.dim() and len(x) == 0 for x in tensors):
            return self.original(*args, **kwargs)
        self.recorder.open()
        before = [x._version for x in tensors]
        detached = {name: p.detach() for name, p in self.bare.named_parameters()}
        outputs, out_spec = tree_flatten(functional_call(self.bare, detached, args, kwargs))
        if before != [x._version for x in tensors]:
            raise self.refused("it changes its input in place")
        places = [i for i, out in enumerate(outputs) if _is_differentiable(out)]
        if not places:
            raise self.refused("it returns no tensor with records along the first dimension")
        call = _Call(self, inputs, spec, places, len(outputs[places[0]]), _Autocast.now(tensors[0]))
        caught = Caught.apply(call, *[outputs[i] for i in places], self.recorder.anchor)
        for place, out in zip(places, caught, strict=True):
            outputs[place] = out
        return tree_unflatten(outputs, out_spec)

    @abstractmethod
    def gradients(self, call: _Call, grads: list[Tensor]) -> dict[str, Tensor]:
        """Gradients of every record, ``(B, ...)``, by the parameter's name in ``trained``."""

    def refused(self, why: str) -> BadInput:
        """The sentence for a module that cannot be computed record by record."""
        return BadInput(
            f"Layer {self.name or 'the network itself'} ({type(self.layer).__name__}) holds "
            f"{next(iter(self.numbers))} and cannot be computed record by record: {why}; "
            "build it from ordinary layers or freeze it.",
            field="model",
        )


class FunctionalTap(FallbackTap):
    """torch.func: the module's own forward pass, differentiated for one record after the other."""

    rule = "torch.func, record by record"

    def gradients(self, call: _Call, grads: list[Tensor]) -> dict[str, Tensor]:
        constants = {name: p.detach() for name, p in self.bare.named_parameters()}
        trained = {name: constants[name] for name in self.trained}
        by_record, shared = call.split()

        def product(trained: dict[str, Tensor], own: list[Tensor], grads: list[Tensor]) -> Tensor:
            args, kwargs = call.arguments([x.unsqueeze(0) for x in own], shared)
            outputs = call.outputs(functional_call(self.bare, constants | trained, args, kwargs))
            terms = [(out[0] * seen).sum() for out, seen in zip(outputs, grads, strict=True)]
            return torch.stack(terms).sum()

        try:
            with call.autocast.again(), _for_vmap():
                return vmap(grad(product), in_dims=(None, 0, 0))(trained, by_record, grads)
        except RuntimeError as error:
            raise self.refused(str(error).splitlines()[0].rstrip(".")) from None


class SamplerTap(FallbackTap):
    """The function that is registered with Opacus for this exact type of layer."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.rule = f"Opacus' sampler for {type(self.layer).__name__}"

    def gradients(self, call: _Call, grads: list[Tensor]) -> dict[str, Tensor]:
        activations = [in_full(x) for x in call.inputs if isinstance(x, Tensor)]
        sampler = GradSampleModule.GRAD_SAMPLERS[type(self.layer)]
        found = sampler(self.layer, activations, in_full(grads[0]))
        return {name: found[p] for name, p in self.trained.items()}


class Caught(torch.autograd.Function):
    """Hands outputs on, and on the way back their gradients to the books."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.call = call
        *outputs, _ = tensors
        # Copies: what the next layer changes in place may be needed by this module's own graph.
        return tuple(out.clone() for out in outputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        call: _Call = ctx.call
        recorder, grads = call.tap.recorder, tuple(standard(grad) for grad in grads)
        chunk = recorder.chunk_of(call.tap, call.records)
        if recorder.truth is not None:
            call.true_gradients(recorder.truth, grads)
            return (None, *grads, None)
        layout = chunk.layout_of(call.records)
        for name, rows in call.tap.gradients(call, list(grads)).items():
            number = call.tap.numbers[name.removeprefix("layer.")]
            chunk.give_rows(number, layout.sum_records(in_full(rows.reshape(call.records, -1))))
        return (None, *grads, None)


@dataclass(frozen=True)
class _Autocast:
    """Whether and how the forward pass was lowered, so that it can be repeated."""

    device: str
    dtype: torch.dtype
    enabled: bool

    @classmethod
    def now(cls, x: Tensor) -> _Autocast:
        kind = x.device.type
        return cls(kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))

    def again(self) -> torch.autocast:
        return torch.autocast(self.device, dtype=self.dtype, enabled=self.enabled)


class _Call:
    """One call of a module: what went in, and how to do it again for some of the records.

    A tensor whose first dimension is that of the outputs holds records; others are shared.
    """

    def __init__(
        self,
        tap: FallbackTap,
        inputs: list[Any],
        spec: TreeSpec,
        places: list[int],
        records: int,
        autocast: _Autocast,
    ) -> None:
        self.tap, self.places, self.records, self.autocast = tap, places, records, autocast
        self.inputs = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
        self._spec = spec
        self._by_record = [
            isinstance(x, Tensor) and x.dim() > 0 and len(x) == records for x in inputs
        ]

    def split(self) -> tuple[list[Tensor], list[Any]]:
        """Inputs that hold records, and the others."""
        both = list(zip(self.inputs, self._by_record, strict=True))
        return [standard(x) for x, own in both if own], [x for x, own in both if not own]

    def arguments(self, own: list[Tensor], shared: list[Any]) -> tuple[Any, dict[str, Any]]:
        """Arguments of the forward pass from what :meth:`split` took apart."""
        owns, others = iter(own), iter(shared)
        inputs = [next(owns) if by_record else next(others) for by_record in self._by_record]
        args, kwargs = tree_unflatten(inputs, self._spec)
        return args, kwargs

    def outputs(self, result: Any) -> list[Tensor]:
        """The outputs that gradients come back for."""
        flat, _ = tree_flatten(result)
        return [flat[place] for place in self.places]

    def true_gradients(self, truth: Truth, grads: tuple[Tensor, ...]) -> None:
        """Add gradients of one unit's records by plain autograd through the module."""
        own, shared = self.split()
        args, kwargs = self.arguments([x[truth.records] for x in own], shared)
        seen = [truth.own(self.tap, gradient) for gradient in grads]
        with torch.enable_grad(), self.autocast.again():
            outputs = self.outputs(self.tap.bare(*args, **kwargs))
        truth.collect(self.tap, outputs, seen, [])


class _Bare(nn.Module):
    """A module's own forward pass, without its hooks and without the tap."""

    def __init__(self, layer: nn.Module, forward: Any) -> None:
        super().__init__()
        self.layer = layer
        self._call = forward
        hooks = layer._forward_pre_hooks.values()
        self._normed = [hook for hook in hooks if isinstance(hook, WeightNorm)]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        before = {hook.name: getattr(self.layer, hook.name) for hook in self._normed}
        try:
            for hook in self._normed:
                setattr(self.layer, hook.name, hook.compute_weight(self.layer))
            return self._call(*args, **kwargs)
        finally:
            for name, weight in before.items():
                setattr(self.layer, name, weight)


@contextmanager
def _for_vmap() -> Iterator[None]:
    # The other kernels of attention cannot be taken record by record.
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.filterwarnings("ignore", message="There is a performance drop")
        yield


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() > 0
