"""A layer whose forward pass runs through the engine, so that its gradients can be booked.

There are no module hooks: a tapped layer's ``forward`` calls an autograd function of ours, whose
backward pass returns the gradient of the input only and keeps the books. In-place operations
before and after the layer stay allowed, and no weight gradient of the batch is ever formed.
"""

from __future__ import annotations

import types
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.strides import standard

if TYPE_CHECKING:
    from workbench.dpsgd.bookkeeping.recorder import Recorder


class Tap(ABC):
    """Stands in for a layer's ``forward``; where nothing is booked, the layer's own one runs.

    Args:
        layer: the layer.
        name: its dotted name in the network.
        numbers: of its parameters that are trained, by name: their places in the flat gradient.
        recorder: whose books are kept.

    Attributes:
        rule: how the layer's gradients are taken, in words.
    """

    rule: str

    def __init__(
        self, layer: nn.Module, name: str, numbers: dict[str, int], recorder: Recorder
    ) -> None:
        self.layer, self.name, self.numbers, self.recorder = layer, name, numbers, recorder
        self._own_forward = layer.__dict__.get("forward")
        self.original = layer.forward
        layer.forward = self

    def remove(self) -> None:
        """Give the layer its own ``forward`` back."""
        if self._own_forward is not None:
            self.layer.forward = self._own_forward
        else:
            del self.layer.__dict__["forward"]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not (self.recorder.on and self.layer.training and torch.is_grad_enabled()):
            return self.original(*args, **kwargs)
        return self.run(*args, **kwargs)

    @abstractmethod
    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The forward pass whose backward pass is booked."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of a tapped network is an ordinary network.
        if self._own_forward is not None:
            return (_same, (self._own_forward,))
        return (types.MethodType, (type(self.layer).forward, self.layer))


class LayerTap(Tap):
    """A tap with a rule for one type of layer: one tensor in, one tensor out."""

    lowered = False
    """Whether autocast runs this type of layer in its low-precision type."""

    def run(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        if x.shape[0] == 0:
            return self.original(x, *args, **kwargs)
        self.recorder.open()
        if type(x) is not Tensor:
            x = x.as_subclass(Tensor)
        if not torch.is_autocast_enabled(x.device.type):
            return Booked.apply(self, self.prepare(x, *args, **kwargs), self.recorder.anchor)
        x = self._as_autocast(x)
        with torch.autocast(x.device.type, enabled=False):
            return Booked.apply(self, self.prepare(x, *args, **kwargs), self.recorder.anchor)

    def typed(self, x: Tensor) -> list[Any]:
        """Weight and bias, ``None`` where there is none, in the type that the layer computes in."""
        return [
            p if p is None else standard(p if p.dtype == x.dtype else p.to(x.dtype))
            for p in self.layer._parameters.values()
        ]

    def prepare(self, x: Tensor) -> Tensor:
        """What is done to the input by ordinary autograd, such as padding."""
        return x

    def recall(self, x: Tensor, grad: Tensor) -> None:
        """Bring back what ``prepare`` set aside for this call, from the shapes."""

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The layer's output, then what the backward pass wants to keep; differentiable.

        Input and output gradient come to the rules in the standard layout.
        """

    @abstractmethod
    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        """Book the gradients of the parameters; return the input's where it is wanted."""

    def _as_autocast(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            return x
        kind = torch.get_autocast_dtype(x.device.type) if self.lowered else torch.float32
        # Nothing is ever lowered from float64; what is not lowered computes in float32 at least.
        lower = self.lowered and x.dtype != torch.float64
        return x.to(kind) if lower or x.dtype in (torch.bfloat16, torch.float16) else x


class Booked(torch.autograd.Function):
    """A layer's forward pass with a backward pass that books instead of adding up.

    The parameters are no inputs of it, so that autograd accumulates nothing for them; the anchor
    is, so that a backward pass comes here even where the layer's input needs no gradient.
    """

    @staticmethod
    def forward(ctx: Any, tap: LayerTap, x: Tensor, anchor: Tensor) -> Tensor:
        x = standard(x)
        output, *kept = tap.forward(x)
        ctx.tap = tap
        # Saved parameters are checked: a step between forward and backward pass is noticed.
        ctx.save_for_backward(x, *kept, *tap.layer._parameters.values())
        ctx.kept = len(kept)
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor | None, None]:
        tap: LayerTap = ctx.tap
        x, *rest = ctx.saved_tensors
        wanted: bool = ctx.needs_input_grad[1]
        if torch.is_grad_enabled():
            raise RuntimeError(
                "Gradients of gradients cannot be clipped record by record; "
                "do without create_graph=True."
            )
        grad = standard(grad)
        tap.recall(x, grad)
        if torch.is_autocast_enabled(x.device.type):
            # Norms and sums are never taken in low precision.
            with torch.autocast(x.device.type, enabled=False):
                return None, _booked(tap, x, rest[: ctx.kept], grad, wanted=wanted), None
        return None, _booked(tap, x, rest[: ctx.kept], grad, wanted=wanted), None


def _booked(
    tap: LayerTap, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
) -> Tensor | None:
    chunk, truth = tap.recorder.chunk_of(tap, x.shape[0]), tap.recorder.truth
    if truth is not None:
        return truth.through(tap, lambda own: tap.forward(own)[0], x, grad, wanted=wanted)
    return tap.backward(chunk, x, kept, grad, wanted=wanted)


def _same(value: Any) -> Any:
    return value
