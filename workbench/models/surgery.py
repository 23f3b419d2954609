"""What can stand in the place of a layer that breaks per-record privacy."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import UninitializedBuffer

from workbench.errors import BadInput

_LEAST_SHARING = 2
"""Channels of a group, pixel maps: alone in its group a map that is constant is erased."""

_LEAST_SHARING_VECTOR = 8
"""Channels of a group where a record may be a plain vector: of two numbers that share a group,
normalising leaves no more than which one is larger."""

_STANDARD_FORWARDS = (_BatchNorm.forward, nn.SyncBatchNorm.forward)


@dataclass(frozen=True)
class Replacement:
    """A layer that takes the place of another.

    Attributes:
        layer: the new one, with dtype, device, training flag and affine weights of the old.
        words: what it is, for a person.
    """

    layer: nn.Module
    words: str


def replacement_for(layer: nn.Module) -> Replacement | None:
    """What treats every record by itself and does the old layer's work.

    The affine weights of the old layer are kept: they scale and shift normalised channels here as
    there. Running statistics are not: they describe batches, and nothing uses them any more.

    Args:
        layer: any layer.

    Returns:
        GroupNorm (Wu and He 2018) for a BatchNorm; InstanceNorm without running statistics for one
        with them; ``None`` where no replacement is known to do the same work.
    """
    if isinstance(layer, _BatchNorm):
        return _group_norm(layer) if _can_be_grouped(layer) else None
    if isinstance(layer, _InstanceNorm):
        return _without_statistics(layer)
    return None


def copied(model: nn.Module, instead: Mapping[nn.Module, nn.Module] | None = None) -> nn.Module:
    """A deep copy of a network in which some layers are others.

    A layer is exchanged wherever the network refers to it: shared by two parents, kept in a list
    beside its registration, or the network itself.

    Args:
        model: the network; it is not changed.
        instead: the new layer by the old.

    Raises:
        BadInput: something in the network cannot be copied.
    """
    known: dict[int, object] = {id(old): new for old, new in (instead or {}).items()}
    try:
        return copy.deepcopy(model, {**_copied_by_hand(model), **known})
    except (TypeError, RuntimeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"The network cannot be copied ({_first_line(error)}), so it can be neither tried nor "
            "changed; keep generators, files and locks out of its attributes.",
            field="model",
        ) from None


def _copied_by_hand(model: nn.Module) -> dict[int, object]:
    """Copies of the tensors that deepcopy refuses, by the identity of the original."""
    made: dict[int, object] = {}
    for layer in model.modules():
        # Weights computed in hooks (torch.nn.utils.weight_norm) stay in the layer with their
        # graph; the copy's hooks compute its own.
        for value in vars(layer).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                made[id(value)] = value.detach().clone()
    for buffer in model.buffers():
        if isinstance(buffer, UninitializedBuffer):
            place: dict[str, Any] = {"device": buffer.device, "dtype": buffer.dtype}
            made[id(buffer)] = UninitializedBuffer(**place)
    return made


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _can_be_grouped(layer: _BatchNorm) -> bool:
    erased = isinstance(layer, nn.BatchNorm1d) and layer.num_features <= _LEAST_SHARING
    return type(layer).forward in _STANDARD_FORWARDS and not erased


def _group_norm(old: _BatchNorm) -> Replacement:
    groups = _groups(old)
    new = nn.GroupNorm(
        groups,
        old.num_features,
        eps=old.eps,
        affine=old.weight is not None,
        bias=old.bias is not None,
        **_place(old),
    )
    words = f"GroupNorm with {groups} group{'s' * (groups > 1)}"
    if old.weight is None:
        return Replacement(new.train(old.training), words)
    for name in ("weight", "bias"):
        _carry_over(getattr(old, name), getattr(new, name))
    return Replacement(new.train(old.training), f"{words} and the scale and shift it had")


def _groups(layer: _BatchNorm) -> int:
    channels = layer.num_features
    vectors = isinstance(layer, nn.BatchNorm1d)
    least = _LEAST_SHARING_VECTOR if vectors else _LEAST_SHARING
    groups = math.gcd(channels, 32)
    while groups > 1 and channels // groups < least:
        groups //= 2
    return groups


def _place(layer: nn.Module) -> dict[str, torch.dtype | torch.device]:
    held = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    for tensor in held:
        if tensor.is_floating_point():
            return {"dtype": tensor.dtype, "device": tensor.device}
    return {}


def _carry_over(old: nn.Parameter | None, new: nn.Parameter | None) -> None:
    if old is None or new is None:
        return
    with torch.no_grad():
        new.copy_(old)
    new.requires_grad_(old.requires_grad)


def _without_statistics(old: _InstanceNorm) -> Replacement:
    new = copy.deepcopy(old)
    new.track_running_stats = False
    new.running_mean = new.running_var = new.num_batches_tracked = None
    kept = " and with the scale and shift it had" if old.weight is not None else ""
    return Replacement(new, f"{type(old).__name__} without running statistics{kept}")
