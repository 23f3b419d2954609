"""Which layers break per-record privacy, and what can stand in their place.

DP-SGD clips each record's own gradient. A layer that mixes the records of a batch (BatchNorm) has
no such gradient, and a layer that keeps statistics of its input carries private data in a buffer
that no noise was added to.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from workbench.errors import BadInput


@dataclass(frozen=True)
class Finding:
    """One layer that breaks per-record privacy.

    Attributes:
        layer: its dotted name in the network.
        problem: what it does, in words.
        replacement: what replaced it, in words; empty where nothing safe can.
    """

    layer: str
    problem: str
    replacement: str = ""

    def __str__(self) -> str:
        cure = f"replaced by {self.replacement}" if self.replacement else "cannot be replaced"
        return f"{self.layer}: {self.problem}; {cure}"


def make_fit(model: nn.Module, *, surgery: bool = True) -> tuple[nn.Module, list[Finding]]:
    """A network whose every layer treats records one by one.

    Args:
        model: any network; it is not changed.
        surgery: whether layers may be replaced.

    Returns:
        The network itself where nothing had to change, else a changed copy with fresh weights in
        the replaced layers; and what was found.

    Raises:
        BadInput: a layer breaks privacy and may not, or cannot, be replaced.
    """
    findings = [
        Finding(name, problem, _describe(_replacement(layer)))
        for name, layer in model.named_modules()
        if (problem := _problem(layer))
    ]
    stuck = [found for found in findings if not found.replacement or not surgery]
    if stuck:
        allowed = "" if surgery else " and replacing layers is switched off"
        raise BadInput(
            f"The network cannot be trained privately: {stuck[0].layer} "
            f"({stuck[0].problem}){allowed}; "
            f"{'take a network without it' if surgery else 'allow surgery'}.",
            field="model",
        )
    if not findings:
        return model, []
    fit = copy.deepcopy(model)
    for found in findings:
        _replace(fit, found.layer, _replacement)
    return fit, findings


def _problem(layer: nn.Module) -> str:
    if isinstance(layer, _BatchNorm):
        return f"{type(layer).__name__} mixes the records of a batch"
    if isinstance(layer, _InstanceNorm) and layer.track_running_stats:
        return f"{type(layer).__name__} keeps running statistics of private records"
    kept = [name for name, _ in layer.named_buffers(recurse=False)]
    if kept:
        return f"{type(layer).__name__} keeps buffers ({', '.join(kept)}) that get no noise"
    return ""


def _replacement(layer: nn.Module) -> nn.Module | None:
    if isinstance(layer, _BatchNorm):
        # At least two channels a group where possible: a group of one pixel map alone is erased
        # wherever the map is constant.
        groups = math.gcd(layer.num_features, 32)
        while groups > 1 and layer.num_features // groups < 2:
            groups //= 2
        return nn.GroupNorm(groups, layer.num_features, eps=layer.eps, affine=layer.affine)
    if isinstance(layer, _InstanceNorm):
        return type(layer)(layer.num_features, eps=layer.eps, affine=layer.affine)
    return None


def _describe(layer: nn.Module | None) -> str:
    if layer is None:
        return ""
    if isinstance(layer, nn.GroupNorm):
        return f"GroupNorm with {layer.num_groups} groups"
    return f"{type(layer).__name__} without running statistics"


def _replace(
    model: nn.Module, name: str, replacement: Callable[[nn.Module], nn.Module | None]
) -> None:
    parent_name, _, child = name.rpartition(".")
    parent = model.get_submodule(parent_name)
    new = replacement(getattr(parent, child))
    if new is not None:
        setattr(parent, child, new)
