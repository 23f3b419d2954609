"""Whether everything that a network trains is where engines and optimizers look for it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from workbench.errors import BadInput

_REGISTERS = ("_parameters", "_buffers", "_modules")


def check_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse an optimizer that does not hold exactly what the network trains.

    A trainable parameter outside the optimizer would be clipped, counted and never moved; a
    parameter of something else would be moved without clipping and without noise.

    Args:
        model: the network.
        optimizer: may also hold the network's frozen parameters, which it leaves alone.

    Raises:
        BadInput: naming the first parameter concerned.
    """
    held = {id(each): each for group in optimizer.param_groups for each in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and id(parameter) not in held:
            raise BadInput(
                f"Parameter {name} is trainable but not in the optimizer; give the optimizer "
                "model.parameters(), or freeze it with requires_grad_(False).",
                field="optimizer",
            )
    own = {id(parameter) for parameter in model.parameters()}
    for stranger in (each for key, each in held.items() if key not in own):
        raise BadInput(
            f"The optimizer holds a tensor of shape {tuple(stranger.shape)} that is no parameter "
            "of the network, so it would be trained without clipping and noise; "
            "make the optimizer from the parameters of this network.",
            field="optimizer",
        )


def refuse_weightless(model: nn.Module) -> None:
    """Refuse parameters and buffers on the meta device, which have a shape but no values.

    Raises:
        BadInput: naming the first.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_meta:
            raise BadInput(
                f"{name} lies on the meta device and has no values; call to_empty on the network "
                "and set its weights first.",
                field="model",
            )


def lazy_layer(model: nn.Module) -> str:
    """Name of the first layer whose weights wait for a first input; empty where there is none."""
    for name, layer in model.named_modules():
        held = (*layer.parameters(recurse=False), *layer.buffers(recurse=False))
        if any(is_lazy(tensor) for tensor in held):
            return f"{name or 'the network itself'} ({type(layer).__name__})"
    return ""


def refuse_outsiders(model: nn.Module) -> None:
    """Refuse trainable tensors that ``model.parameters()`` does not list.

    Raises:
        BadInput: naming the first, and how to register it.
    """
    for name, buffer in model.named_buffers():
        if buffer.requires_grad:
            raise BadInput(
                f"Buffer {name} requires gradients, but an optimizer is never given buffers; "
                "make it an nn.Parameter, or call requires_grad_(False) on it.",
                field="model",
            )
    for name, outsider in kept_aside(model):
        if isinstance(outsider, nn.Module) and any(p.requires_grad for p in outsider.parameters()):
            raise BadInput(
                f"Layer {name} ({type(outsider).__name__}) is kept where the network does not "
                "register it, so its parameters would not be trained; "
                "keep layers in attributes, nn.ModuleList or nn.ModuleDict.",
                field="model",
            )
        if isinstance(outsider, Tensor) and outsider.is_leaf and outsider.requires_grad:
            raise BadInput(
                f"{name} is a tensor of shape {tuple(outsider.shape)} that requires gradients but "
                "is not among the network's parameters; make it an nn.Parameter in an attribute, "
                "nn.ParameterList or nn.ParameterDict, or call requires_grad_(False) on it.",
                field="model",
            )


def kept_aside(model: nn.Module) -> Iterator[tuple[str, nn.Module | Tensor]]:
    """Layers and tensors in plain attributes, lists, tuples, sets and dicts of a network.

    Yields:
        Where it is kept (``"branches[0]"``, ``"body.scales['a']"``), and the thing itself; those
        that are also registered are left out.
    """
    seen = {id(each) for each in (*model.modules(), *model.parameters(), *model.buffers())}
    for name, layer in model.named_modules():
        for attribute, value in vars(layer).items():
            if attribute not in _REGISTERS:
                yield from _inside(f"{name}.{attribute}".lstrip("."), value, seen)


def _inside(name: str, value: object, seen: set[int]) -> Iterator[tuple[str, nn.Module | Tensor]]:
    if not isinstance(value, nn.Module | Tensor | list | tuple | set | dict) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, nn.Module | Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _inside(f"{name}[{key!r}]", each, seen)
    else:
        for place, each in enumerate(value):
            yield from _inside(f"{name}[{place}]", each, seen)
