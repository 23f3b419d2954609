"""Whether a network's gradient can itself be differentiated, as every search must."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.models.losses import Loss, Task, record_losses
from workbench.models.surgery import copied

_SEED = 0


class _Call(NamedTuple):
    name: str
    layer: nn.Module
    seen: Tensor


def refuse_not_differentiable(
    network: nn.Module, task: Task | Loss, size: int, targets: Tensor | None = None
) -> None:
    """Differentiate the gradient of one random picture once more, and name the layer that stops it.

    A search moves a picture by the derivative of its gradient. Where a layer rounds, takes a
    maximum's place or has a backward pass that cannot be differentiated, there is none.

    Args:
        network: at the weights that are attacked.
        task: which loss.
        size: side of a picture in pixels.
        targets: of one record; ``None`` where the loss is one of the house.

    Raises:
        BadInput: naming the first layer at fault.
    """
    network = copied(network)
    calls: list[_Call] = []
    hooks = [
        layer.register_forward_hook(_noting(name, calls)) for name, layer in network.named_modules()
    ]
    generator = torch.Generator().manual_seed(_SEED)
    picture = torch.rand(1, 1, size, size, generator=generator).requires_grad_()
    outputs = network(picture)
    targets = _target(task, size) if targets is None else targets
    for hook in hooks:
        hook.remove()
    if _moves(network, record_losses(task, outputs, targets).sum(), picture):
        return
    raise BadInput(
        f"The network cannot be attacked by search: {_culprit(calls)}, so its gradient has no "
        "derivative with respect to the slice; take another layer. That is no evidence of "
        "privacy: other attacks need none.",
        field="model",
    )


def _noting(name: str, calls: list[_Call]) -> Any:
    def note(layer: nn.Module, seen: tuple[Any, ...], said: Any) -> None:
        if seen and isinstance(seen[0], Tensor) and isinstance(said, Tensor):
            calls.append(_Call(name, layer, seen[0].detach().clone()))

    return note


def _target(task: Task | Loss, size: int) -> Tensor:
    if task == "classification":
        return torch.zeros(1, dtype=torch.long)
    return torch.zeros(1, 1, size, size, dtype=torch.long)


def _moves(network: nn.Module, loss: Tensor, picture: Tensor) -> bool:
    """Whether the loss's gradient changes with the picture, by finite amounts."""
    weights = [p for p in network.parameters() if p.requires_grad]
    try:
        gradients = torch.autograd.grad(loss, weights, create_graph=True, materialize_grads=True)
        total = torch.stack([(gradient * gradient).sum() for gradient in gradients]).sum()
        return _arrives(total, picture)
    except (RuntimeError, NotImplementedError):
        return False


def _arrives(total: Tensor, leaf: Tensor) -> bool:
    """Whether a derivative other than 0 comes down to a leaf.

    By ``backward``: ``autograd.grad`` passes over functions that refuse to be differentiated twice
    where another way leads to the leaf, and gives a wrong derivative without a word.
    """
    total.backward()
    slope = leaf.grad
    return slope is not None and bool(slope.isfinite().all()) and bool(slope.any())


def _culprit(calls: list[_Call]) -> str:
    """The first call, inner ones before outer ones, that lets no second derivative through."""
    for call in calls:
        if not _bends(call):
            where = call.name or "the network itself"
            return f"layer {where} ({type(call.layer).__name__}) cannot be differentiated twice"
    return "something between its layers cannot be differentiated twice"


def _bends(call: _Call) -> bool:
    seen = call.seen.requires_grad_(call.seen.is_floating_point())
    generator = torch.Generator().manual_seed(_SEED)
    try:
        # A copy, because a layer may write into its input, which a leaf does not allow.
        said = call.layer(seen.clone())
        # Weighted, because a normalised map has the same sum of squares whatever its input.
        weighted = said * said * torch.rand(said.shape, generator=generator)
        (slope,) = torch.autograd.grad(weighted.sum(), seen, create_graph=True)
        return _arrives((slope * slope).sum(), seen) or not bool(said.any())
    except (RuntimeError, NotImplementedError):
        return False
