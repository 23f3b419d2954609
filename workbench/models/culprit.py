"""Which layer it is that mixes records, or remembers them: the first with a clean input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import starmap

import torch
from torch import Tensor, nn

from workbench.models.stand_in import answer
from workbench.models.tracing import Call, trace

_TOLERANCE = 1e-5
"""Of the largest value of a tensor, float32."""

COUNT_TOLERANCE = 1e-3
"""Where batches differ in size, sums are rounded in another order; a count moves far more."""


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
    traces = [trace(network, batch) for batch in (base, *changed)]
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
    before = trace(fresh, base)
    for batch in changed:
        answer(used, batch)
    found = _first(_differs, [before, trace(used, base)])
    return called(fresh, found or "")


def layer_that_counts(network: nn.Module, base: Tensor) -> str:
    """The first layer that gives a record alone something else than among others.

    Args:
        network: a copy that may be run and draws no random numbers.
        base: ``(B, ...)``.

    Returns:
        The layer in words, for a sentence.
    """
    found = _first(partial(_counts, len(base)), [trace(network, base), trace(network, base[:1])])
    return called(network, found or "")


def _belongs_to_both(tolerance: float, base: Tensor, one: Tensor, two: Tensor) -> bool:
    both = moved(base, one, tolerance) & moved(base, two, tolerance)
    return bool(both.any())


def _strays(records: int, tolerance: float, base: Tensor, one: Tensor, two: Tensor) -> bool:
    del two
    return base.shape[:1] == (records,) and bool(moved(base, one, tolerance)[1:].any())


def _counts(records: int, base: Tensor, alone: Tensor) -> bool:
    if base.shape[:1] != (records,) or alone.shape != (1, *base.shape[1:]):
        return False
    return bool(moved(base[:1], alone, COUNT_TOLERANCE).any())


def _differs(base: Tensor, again: Tensor) -> bool:
    return bool(moved(base, again).any())


def _first(test: Callable[..., bool], traces: list[list[Call]]) -> str | None:
    for calls in zip(*traces, strict=False):
        clean = not any(starmap(test, zip(*(call.before for call in calls), strict=False)))
        if clean and any(starmap(test, zip(*(call.after for call in calls), strict=False))):
            return calls[0].layer
    return None
