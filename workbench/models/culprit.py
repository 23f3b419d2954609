"""Which layer it is that mixes records, or remembers them: the first with a clean input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import starmap

import torch
from torch import Tensor, nn

from workbench.models.stand_in import answer

_TOLERANCE = 1e-5
"""Of the largest value of a tensor, float32."""

_EXCERPT = 2**16
"""Numbers kept of a tensor; all activations of a network at once would not fit."""

_Values = tuple[Tensor, ...]
_Moved = Callable[..., bool]


@dataclass(frozen=True, eq=False)
class _Call:
    layer: str
    before: _Values
    after: _Values


def moved(base: Tensor, other: Tensor, tolerance: float = _TOLERANCE) -> Tensor:
    """Which elements differ.

    Args:
        base: any shape.
        other: the same shape; of another, everything has moved.
        tolerance: relative to the largest absolute value of ``base``.

    Returns:
        bool, of ``base``'s shape.
    """
    if other.shape != base.shape or other.dtype != base.dtype:
        return torch.ones_like(base, dtype=torch.bool)
    if not base.is_floating_point() or not base.numel():
        return base != other
    scale = base.abs().nan_to_num(0.0, 0.0).max()
    lost = base.isfinite() != other.isfinite()
    return ((base - other).abs() > tolerance * scale) | lost


def called(network: nn.Module, layer: str) -> str:
    """A layer in a sentence: ``layer body.norm (Mixer)``."""
    if not layer:
        return f"its own forward ({type(network).__name__})"
    return f"layer {layer} ({type(network.get_submodule(layer)).__name__})"


def layer_that_mixes(network: nn.Module, base: Tensor, changed: list[Tensor]) -> str:
    """The first layer that carries one record into another's values.

    An element that moves with the first record and also with the second belongs to both, however
    a layer arranges its tensors. Where no element does, a row that moves with another's record.

    Args:
        network: a copy that may be run.
        base: ``(B, ...)``.
        changed: the batch with another first record, and with another second record.

    Returns:
        The layer in words, for a sentence.
    """
    traces = [_trace(network, batch) for batch in (base, *changed)]
    for tolerance in (_TOLERANCE, 0.0):
        for test in (_belongs_to_both, partial(_strays, len(base))):
            found = _first(partial(test, tolerance), traces)
            if found is not None:
                return called(network, found)
    return f"a layer of {type(network).__name__}"


def layer_that_remembers(
    fresh: nn.Module, used: nn.Module, base: Tensor, changed: list[Tensor]
) -> str:
    """The first layer that answers otherwise once it has seen other batches.

    Args:
        fresh: a copy that was shown nothing.
        used: another.
        base: ``(B, ...)``.
        changed: the batches that come before it.

    Returns:
        The layer in words, for a sentence.
    """
    trace = _trace(fresh, base)
    for batch in changed:
        answer(used, batch)
    found = _first(_differs, [trace, _trace(used, base)])
    return called(fresh, found or "")


def _belongs_to_both(tolerance: float, base: Tensor, one: Tensor, two: Tensor) -> bool:
    both = moved(base, one, tolerance) & moved(base, two, tolerance)
    return bool(both.any())


def _strays(records: int, tolerance: float, base: Tensor, one: Tensor, two: Tensor) -> bool:
    del two
    return base.shape[:1] == (records,) and bool(moved(base, one, tolerance)[1:].any())


def _differs(base: Tensor, again: Tensor) -> bool:
    return bool(moved(base, again).any())


def _first(test: _Moved, traces: list[list[_Call]]) -> str | None:
    for calls in zip(*traces, strict=False):
        clean = not any(starmap(test, zip(*(call.before for call in calls), strict=False)))
        if clean and any(starmap(test, zip(*(call.after for call in calls), strict=False))):
            return calls[0].layer
    return None


def _trace(network: nn.Module, batch: Tensor) -> list[_Call]:
    """Every layer's call, in the order in which they ended."""
    calls: list[_Call] = []
    open_calls: list[_Values] = []

    def enter(_: nn.Module, args: object, options: object) -> None:
        open_calls.append(_excerpts(batch, (args, options)))

    def leave(name: str, _: nn.Module, args: object, given: object) -> None:
        calls.append(_Call(name, open_calls.pop(), _excerpts(batch, given)))

    hooks = []
    for name, layer in network.named_modules():
        hooks.append(layer.register_forward_pre_hook(enter, with_kwargs=True))
        hooks.append(layer.register_forward_hook(partial(leave, name)))
    try:
        answer(network, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _excerpts(batch: Tensor, value: object) -> _Values:
    return tuple(_excerpt(len(batch), tensor) for tensor in _tensors(value))


def _excerpt(records: int, tensor: Tensor) -> Tensor:
    """A copy (layers may write into a tensor later), a row per record where there are rows."""
    rows = records if tensor.shape[:1] == (records,) else 1
    flat = tensor.detach().reshape(rows, -1)
    step = max(1, flat.numel() // _EXCERPT)
    kept = flat[:, ::step].clone()
    return kept if rows == records else kept[0]


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
