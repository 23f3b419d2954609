"""What goes into every layer of a network and what comes out, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from workbench.models.stand_in import answer

_EXCERPT = 2**14
"""Numbers kept of a record in a tensor; all activations of a network would not fit in memory."""

Values = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Attributes:
        layer: its dotted name.
        before: excerpts of the tensors that it was given, ``(B, K)`` where the first axis counts
            the records, else ``(K,)``.
        after: the same of what it gave.
    """

    layer: str
    before: Values
    after: Values


def trace(network: nn.Module, batch: Tensor) -> list[Call]:
    """Show a network a batch and watch.

    Args:
        network: a copy that may be run; it is left without hooks.
        batch: ``(B, ...)``.

    Returns:
        Every call in the order in which they ended, inner layers before outer ones.
    """
    calls: list[Call] = []
    given: list[Values] = []

    def enter(_: nn.Module, args: object, options: object) -> None:
        given.append(_excerpts(len(batch), (args, options)))

    def leave(name: str, _: nn.Module, args: object, said: object) -> None:
        calls.append(Call(name, given.pop(), _excerpts(len(batch), said)))

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


def _excerpts(records: int, value: object) -> Values:
    return tuple(_excerpt(records, tensor) for tensor in _tensors(value))


def _excerpt(records: int, tensor: Tensor) -> Tensor:
    by_record = tensor.shape[:1] == (records,)
    rows = tensor.detach().reshape(records if by_record else 1, -1)
    # A copy, because layers may write into their tensors later.
    kept = rows[:, :: max(1, rows.shape[1] // _EXCERPT)].clone()
    return kept if by_record else kept[0]


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
