"""Which part of a network is trained; the rest stays as it began."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.conv import _ConvNd

_LAST = {"head": 1, "last-block": 3}
"""Convolutions and linear layers counted from the end, with the normalisations between them."""


def freeze_but(model: nn.Module, part: str) -> None:
    """Freeze all parameters but those of the part, in place.

    Args:
        model: any network whose layers are declared in the order in which they compute.
        part: ``"all"``; ``"head"``, the last convolution or linear layer; ``"last-block"``, the
            last three of them and everything between and after them.
    """
    if part == "all":
        return
    named = dict(model.named_modules())
    weighty = [name for name, layer in named.items() if isinstance(layer, _ConvNd | nn.Linear)]
    first = weighty[-min(_LAST[part], len(weighty))]
    names = list(named)
    kept = set(names[names.index(first) :])
    for name, layer in named.items():
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(name in kept)
