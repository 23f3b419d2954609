"""The one layout in memory that rules work in, whatever layout a network's tensors have."""

from __future__ import annotations

from torch import Tensor


def standard(x: Tensor) -> Tensor:
    """The same numbers, laid out as in a tensor that was just made: the last axis runs fastest.

    A tensor counts as contiguous whatever the strides of its axes of size 1 are, but torch reads
    from those strides too whether it is channels-last. Here they are set right as well.

    Args:
        x: any shape.

    Returns:
        The tensor itself where there is nothing to do.
    """
    x = x.contiguous()
    if 1 not in x.shape:
        return x
    strides, step = [], 1
    for size in reversed(x.shape):
        strides.append(step)
        step *= max(size, 1)
    strides.reverse()
    return x if x.stride() == tuple(strides) else x.as_strided(x.shape, strides)
