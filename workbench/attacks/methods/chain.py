"""Networks that are one layer after the other, so that they can be gone back through."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation
from workbench.errors import BadInput

_EDGE = 1e-9
"""How close to the end of its range an activation may be for its inverse to be taken."""


@dataclass(frozen=True, eq=False)
class Link:
    """One layer of a chain.

    Attributes:
        layer: float64, with the observed weights.
        takes: shape of its input, of one record.
        gives: shape of its output.
        seen: float64, the gradients of its parameters by their names in it.
    """

    layer: nn.Module
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    seen: Mapping[str, Tensor]


def chain(observation: Observation, knowledge: Knowledge) -> list[Link]:
    """The layers in the order in which the image goes through them; those that do nothing left out.

    Raises:
        BadInput: the network is no such chain, one of its layers cannot be gone back through, or a
            convolution has fewer equations than unknowns.
    """
    network = copy.deepcopy(knowledge.network)
    network.load_state_dict({**observation.parameters, **observation.buffers}, strict=False)
    network.double().requires_grad_(False)
    named = [(name, layer) for name, layer in network.named_modules() if not [*layer.children()]]
    x = probe = torch.rand(1, 1, knowledge.size, knowledge.size, dtype=torch.float64)
    links: list[Link] = []
    with torch.no_grad():
        for name, layer in named:
            _refuse(name, layer)
            try:
                y = layer(x)
            except RuntimeError:
                raise _no_chain() from None
            own = {part: f"{name}.{part}" for part, _ in layer.named_parameters()}
            seen = {part: observation.gradients[full].double() for part, full in own.items()}
            links.append(Link(layer, tuple(x.shape), tuple(y.shape), seen))
            x = y
        said = network(probe)
    if said.shape != x.shape or not torch.allclose(said, x):
        raise _no_chain()
    while links and not isinstance(links[-1].layer, nn.Linear) and _reshapes(links[-1].layer):
        links.pop()
    _check(links)
    return links


def unbent(layer: nn.Module, value: Tensor) -> Tensor:
    """What went into an activation that gave this value; other layers only reshape."""
    return _INVERSES[type(layer)](layer, value) if type(layer) in _INVERSES else value


def backed(link: Link, entered: Tensor, slope: Tensor) -> Tensor:
    """The loss's slope along a layer's input, from that along its output.

    Args:
        link: the layer.
        entered: its input.
        slope: along its output.
    """
    x = entered.detach().clone().requires_grad_()
    (back,) = torch.autograd.grad(link.layer(x), x, slope.reshape(link.gives))
    return back


def _elu(alpha: float, value: Tensor) -> Tensor:
    return torch.where(value > 0, value, torch.log1p((value / alpha).clamp(min=_EDGE - 1)))


def _leaky(slope: float | Tensor, value: Tensor) -> Tensor:
    return torch.where(value > 0, value, value / slope)


def _channels(slopes: Tensor, value: Tensor) -> Tensor:
    return slopes.detach().view(1, -1, *[1] * (value.ndim - 2))


_INVERSES: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.ELU: lambda layer, value: _elu(layer.alpha, value),
    nn.CELU: lambda layer, value: layer.alpha * _elu(1.0, value / layer.alpha),
    nn.LeakyReLU: lambda layer, value: _leaky(layer.negative_slope, value),
    nn.PReLU: lambda layer, value: _leaky(_channels(layer.weight, value), value),
    nn.Tanh: lambda layer, value: torch.atanh(value.clamp(_EDGE - 1, 1 - _EDGE)),
    nn.Sigmoid: lambda layer, value: torch.logit(value, eps=_EDGE),
    nn.Softplus: lambda layer, value: (
        torch.log(torch.expm1(value.clamp(min=_EDGE) * layer.beta)) / layer.beta
    ),
}


def _reshapes(layer: nn.Module) -> bool:
    still = isinstance(layer, nn.Dropout | nn.Dropout2d) and layer.p == 0
    return still or isinstance(layer, nn.Flatten | nn.Unflatten | nn.Identity)


def _refuse(name: str, layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        if layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
            return
        raise _cannot(f"convolution {name} is padded with something else than a number of zeros")
    if isinstance(layer, nn.PReLU) and not (layer.weight > 0).all():
        raise _cannot(f"layer {name} (PReLU) has slopes that are not above 0, so it has no inverse")
    if not isinstance(layer, nn.Linear) and type(layer) not in _INVERSES and not _reshapes(layer):
        raise _cannot(f"layer {name} ({type(layer).__name__}) has no inverse")


def _check(links: list[Link]) -> None:
    last = links[-1].layer if links else None
    if not isinstance(last, nn.Linear) or "bias" not in links[-1].seen:
        raise _cannot("it does not end with a linear layer that has a bias")
    for number, link in enumerate(links):
        if isinstance(link.layer, nn.Conv2d):
            unknown = _count(link.takes)
            known = _count(link.gives) + link.seen["weight"].numel()
            if known < unknown:
                raise _cannot(
                    f"the input of convolution {number + 1} has {unknown} numbers and only {known} "
                    "equations (try smaller slices)"
                )


def _count(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def _no_chain() -> BadInput:
    return _cannot("its layers are not applied one after the other")


def _cannot(reason: str) -> BadInput:
    return BadInput(
        "The recursive attack needs a chain of convolutions and linear layers whose activations "
        f"have an inverse (ELU, LeakyReLU, tanh, sigmoid; no normalisation, no pooling), but in "
        f"this network {reason}; take another network, or the two-stage attack.",
        field="attack",
    )
