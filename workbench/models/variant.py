"""The same network with other activations or other normalisation layers.

What a gradient gives away depends on both, so an attack is tried on the same weights with either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from workbench.errors import BadInput, check_choice
from workbench.models.surgery import copied

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
}
NORMALISATIONS = ("group", "instance", "none")
_GROUPS = 4
_ACTIVATING = (
    nn.ELU, nn.SELU, nn.CELU, nn.SiLU, nn.GELU, nn.Mish, nn.Tanh, nn.Sigmoid, nn.LogSigmoid,
    nn.Softplus, nn.Softsign, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.Hardtanh,
    nn.Hardsigmoid, nn.Hardswish,
)  # fmt: skip
_NORMALISING = (_BatchNorm, _InstanceNorm, nn.GroupNorm)


def variant(
    model: nn.Module, *, activation: str | None = None, normalisation: str | None = None
) -> nn.Module:
    """Put other layers in the place of every activation and of every normalisation of maps.

    All other weights stay as they are, so networks that differ only in this can be compared.
    Nothing is drawn: the new layers begin with the constants that PyTorch gives them.

    Args:
        model: any network that keeps them as layers; it is not changed.
        activation: a key of ``ACTIVATIONS``; ``None`` leaves them.
        normalisation: ``"group"`` for GroupNorm of four groups, ``"instance"`` for InstanceNorm
            with scale and shift, ``"none"`` takes them out; ``None`` leaves them.

    Returns:
        The network itself where nothing is asked for, else a changed copy.

    Raises:
        BadInput: there is no such name, or the network has no such layer, for instance because
            its ``forward`` calls functions instead.
    """
    instead: dict[nn.Module, nn.Module] = {}
    if activation is not None:
        check_choice("activation", activation, tuple(ACTIVATIONS))
        found = _layers(model, _ACTIVATING, "activation")
        instead |= {old: _in_its_place(ACTIVATIONS[activation](), old) for old in found}
    if normalisation is not None:
        check_choice("normalisation", normalisation, NORMALISATIONS)
        found = _layers(model, _NORMALISING, "normalisation")
        instead |= {old: _in_its_place(_normal(normalisation, old), old) for old in found}
    return copied(model, instead) if instead else model


def _layers(model: nn.Module, kinds: tuple[type[nn.Module], ...], field: str) -> list[nn.Module]:
    found = [layer for layer in model.modules() if isinstance(layer, kinds)]
    if not found:
        raise BadInput(
            f"The network has no {field} layer to exchange (functions that its forward calls "
            f"cannot be); leave {field} out, or take another model.",
            field=field,
        )
    return found


def _normal(name: str, old: nn.Module) -> nn.Module:
    channels = old.num_channels if isinstance(old, nn.GroupNorm) else old.num_features
    assert isinstance(channels, int)
    if name == "none":
        return nn.Identity()
    if name == "group":
        return nn.GroupNorm(_groups(channels), channels)
    if isinstance(old, nn.BatchNorm1d | nn.InstanceNorm1d):
        return nn.InstanceNorm1d(channels, affine=True)
    if isinstance(old, nn.BatchNorm3d | nn.InstanceNorm3d):
        return nn.InstanceNorm3d(channels, affine=True)
    return nn.InstanceNorm2d(channels, affine=True)


def _groups(channels: int) -> int:
    # Alone in its group, a channel loses its mean and scale: that would be InstanceNorm.
    return math.gcd(channels, _GROUPS) if channels > _GROUPS else 1


def _in_its_place(new: nn.Module, old: nn.Module) -> nn.Module:
    """The new layer with the old one's training flag, device, dtype, scale and shift."""
    for tensor in (*old.parameters(recurse=False), *old.buffers(recurse=False)):
        if tensor.is_floating_point():
            new = new.to(device=tensor.device, dtype=tensor.dtype)
            break
    if isinstance(old, _NORMALISING) and not isinstance(new, nn.Identity):
        _carry_over(old, new)
    return new.train(old.training)


def _carry_over(old: nn.Module, new: nn.Module) -> None:
    with torch.no_grad():
        for name in ("weight", "bias"):
            before, after = getattr(old, name), getattr(new, name)
            if before is not None:
                after.copy_(before)
