"""Defences at work: a gradient made coarser before it is shared."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from workbench.attacks.defence import Defence


def blunted(gradients: Mapping[str, Tensor], defence: Defence | None) -> dict[str, Tensor]:
    """What a site shares of its gradient under a defence; noise was added before, if any.

    Args:
        gradients: by parameter name.
        defence: ``prune`` keeps the values that are largest in the whole gradient and sets the
            others to 0 (Aji and Heafield 2017); ``quantise`` rounds each tensor to 2^bits values
            evenly spaced between its smallest and its largest; ``sign`` shares -1, 0 and 1
            (Bernstein et al. 2018). ``None`` leaves everything.

    Returns:
        New tensors of the same names and shapes.
    """
    if defence is None:
        return dict(gradients)
    if defence.kind == "prune":
        return _pruned(gradients, defence.amount)
    if defence.kind == "quantise":
        levels = 2 ** int(defence.amount) - 1
        return {name: _rounded(gradient, levels) for name, gradient in gradients.items()}
    return {name: gradient.sign() for name, gradient in gradients.items()}


def _pruned(gradients: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    flat = torch.cat([gradient.flatten() for gradient in gradients.values()])
    kept = flat.abs().topk(max(1, round(share * len(flat)))).indices
    thinned = torch.zeros_like(flat).index_copy_(0, kept, flat[kept])
    parts = thinned.split([gradient.numel() for gradient in gradients.values()])
    return {
        name: part.view_as(gradient)
        for part, (name, gradient) in zip(parts, gradients.items(), strict=True)
    }


def _rounded(gradient: Tensor, levels: int) -> Tensor:
    low, high = gradient.min(), gradient.max()
    step = (high - low) / levels
    if not step > 0:
        return gradient.clone()
    return low + ((gradient - low) / step).round() * step
