"""A network tried on noise: does it mix records, remember them, or leave parameters aside?

What a layer's type does not tell, its behaviour does. One record of a batch is changed: nothing
may move but that record's own output. Batches are shown one after the other: none may leave a
trace. One record's output is differentiated: every parameter must be reached, and no other record.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from workbench.errors import BadInput
from workbench.models.culprit import (
    COUNT_TOLERANCE,
    called,
    layer_that_counts,
    layer_that_mixes,
    layer_that_remembers,
    moved,
)
from workbench.models.stand_in import (
    answer,
    failed,
    generators_kept,
    noise,
    numbers_drawn,
    stand_in,
    unfit,
)


def try_out(model: nn.Module, example: Tensor) -> None:
    """Refuse a network that does not treat every record by itself, or that cannot be trained.

    Copies in training mode are run forwards six times and backwards once, every time with the
    same random numbers (dropout). The network, its gradients, training flags and the global
    random generators stay as they were.

    Args:
        model: the network; known offenders (``models.fitness``) already replaced.
        example: ``(B, ...)``, B at least 2. Only its shape is used, of at most four records.

    Raises:
        BadInput: naming the layer, buffer or parameter concerned.
    """
    base, *changed = noise(model, example)
    with generators_kept(model):
        first, shown = stand_in(model), base.clone().requires_grad_()
        # A copy, because a first layer may write into its input, which a leaf does not allow.
        said = answer(first, shown.clone())
        _refuse_strangers(first, shown, said)
        _differentiate(said, shown)
        second, untouched = stand_in(model), stand_in(model)
        _refuse_updates(first, untouched)
        others = [answer(second, batch).detach() for batch in changed]
        if moved(said.detach(), answer(second, base).detach()).any():
            raise _remembers(model, base, changed)
        _refuse_updates(second, untouched)
        if _spreads(said.detach(), others) or _reaches_others(shown.grad):
            raise _mixes(model, base, changed)
        _refuse_unreached(first)
        _refuse_counting(second, base)


def _refuse_strangers(network: nn.Module, shown: Tensor, said: Tensor) -> None:
    own = {id(shown), *(id(parameter) for parameter in network.parameters())}
    for leaf in _leaves(said):
        if id(leaf) not in own:
            raise unfit(
                f"a tensor of shape {tuple(leaf.shape)} that requires gradients takes part in its "
                "forward pass, but a copy of the network does not own it; keep it in an "
                "nn.Parameter of a layer, and write functions that use it as methods"
            )


def _leaves(said: Tensor) -> Iterator[Tensor]:
    todo, seen = [said.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        todo.extend(parent for parent, _ in node.next_functions)


def _differentiate(said: Tensor, shown: Tensor) -> None:
    """The gradient of the first record's output, every number of it weighted differently."""
    if not said.requires_grad:
        return
    weights = torch.linspace(0.5, 1.5, said[0].numel()).to(said).view_as(said[0])
    try:
        (said[0] * weights).sum().backward()
    except RuntimeError as error:
        raise failed("cannot be differentiated on", shown, error) from None


def _refuse_updates(used: nn.Module, untouched: nn.Module) -> None:
    before = dict((*untouched.named_buffers(), *untouched.named_parameters()))
    for name, now in (*used.named_buffers(), *used.named_parameters()):
        if name not in before or not _same(before[name].detach(), now.detach()):
            layer, _, own = name.rpartition(".")
            raise unfit(
                f"{called(used, layer)} updates {own} in the forward pass, which carries records, "
                "or how many were drawn, into the network without noise; "
                "take a network without it"
            )


def _same(old: Tensor, now: Tensor) -> bool:
    # The quick way first: many networks have millions of weights, few are not numbers.
    return torch.equal(old, now) or not moved(old, now, 0.0).any()


def _refuse_counting(network: nn.Module, base: Tensor) -> None:
    for layer in network.modules():
        if isinstance(layer, _DropoutNd):
            layer.p = 0.0
    together = answer(network, base).detach()
    if numbers_drawn(base.device):
        return  # a record alone would be given other random numbers
    alone = answer(network, base[:1]).detach()
    tolerance = max(COUNT_TOLERANCE, 10 * torch.finfo(alone.dtype).eps)
    if moved(together[:1], alone, tolerance).any():
        raise unfit(
            f"{layer_that_counts(network, base)} gives a record alone something else than among "
            "others, so it depends on how many were drawn; take a network without it"
        )


def _remembers(model: nn.Module, base: Tensor, changed: list[Tensor]) -> BadInput:
    layer = layer_that_remembers(stand_in(model), stand_in(model), base, changed)
    return unfit(
        f"{layer} answers otherwise once it was shown other records, so it remembers them or "
        "draws from a random generator of its own; take a network without it"
    )


def _mixes(model: nn.Module, base: Tensor, changed: list[Tensor]) -> BadInput:
    return unfit(
        f"{layer_that_mixes(stand_in(model), base, changed)} lets one record change what it gives "
        "for another; normalise every record by itself (GroupNorm), or take a network without it"
    )


def _spreads(said: Tensor, others: list[Tensor]) -> bool:
    for place, other in enumerate(others):
        rest = torch.arange(len(said)) != place
        if moved(said, other)[rest].any():
            return True
    return False


def _reaches_others(slope: Tensor | None) -> bool:
    """Whether the first record's output has a slope along another record; exactly 0 if not."""
    return slope is not None and bool((slope[1:].isfinite() & (slope[1:] != 0)).any())


def _refuse_unreached(network: nn.Module) -> None:
    wanted = {name: each for name, each in network.named_parameters() if each.requires_grad}
    if not wanted:
        raise unfit("none of its parameters requires gradients; call requires_grad_() on some")
    unreached = [name for name, each in wanted.items() if each.grad is None]
    if unreached:
        more = f" (and {len(unreached) - 1} more)" if unreached[1:] else ""
        raise unfit(
            f"no gradient reaches its parameter {unreached[0]}{more}; "
            "freeze it with requires_grad_(False) or remove its layer"
        )
