"""The pixels under a convolution's kernel, written out or only multiplied with each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Geometry:
    """How a convolution walks over its input; one entry per spatial dimension.

    Attributes:
        kernel: its size.
        stride: of the walk.
        padding: zeros at both ends.
        dilation: distance of neighbouring kernel taps.
        groups: channels are divided among so many independent convolutions.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def taps(self) -> int:
        """How many weights a kernel has per pair of channels."""
        return torch.Size(self.kernel).numel()

    @property
    def plain(self) -> bool:
        """Whether the patches are the pixels themselves."""
        return self.taps == 1 and set(self.stride) == {1} and not any(self.padding)

    @property
    def dense(self) -> bool:
        """Whether the walk visits every pixel, so that products of pixels serve all patches."""
        return set(self.stride) == {1}


def patches(source: Tensor, geometry: Geometry, places: tuple[int, ...]) -> Tensor:
    """Write out the pixels that every kernel tap meets.

    Args:
        source: ``(B, C, *spatial)``.
        geometry: of the convolution.
        places: spatial shape of the convolution's output, L places in all.

    Returns:
        ``(B, C * taps, L)``.
    """
    if geometry.plain:
        return source.flatten(2)
    if any(geometry.padding):
        source = F.pad(source, [end for end in reversed(geometry.padding) for _ in range(2)])
    batch, channels, *spatial = source.stride()
    windows = source.as_strided(
        (*source.shape[:2], *geometry.kernel, *places),
        (
            batch,
            channels,
            *(step * apart for step, apart in zip(spatial, geometry.dilation, strict=True)),
            *(step * stride for step, stride in zip(spatial, geometry.stride, strict=True)),
        ),
    )
    return windows.reshape(source.shape[0], source.shape[1] * geometry.taps, -1)


def patch_products(source: Tensor, geometry: Geometry, places: tuple[int, ...]) -> Tensor:
    """Products of the patches at every pair of places, without writing patches out.

    Two patches' product is the sum over the kernel taps of products of pixels. All pixel
    products are one small matrix; summing along its diagonals, one dimension after the other,
    takes as many additions as the kernel is long and wide together, not as it has taps.

    Args:
        source: ``(B, C, *spatial)``, contiguous.
        geometry: of a convolution with stride 1.
        places: spatial shape of the convolution's output, L places in all.

    Returns:
        ``(B, L, L)``.
    """
    spatial = source.shape[2:]
    pixels = source.flatten(2)
    products = torch.bmm(pixels.transpose(1, 2), pixels)
    products = products.view(-1, *spatial, *spatial)
    if any(geometry.padding):
        ends = [end for end in reversed(geometry.padding) for _ in range(2)]
        products = F.pad(products, ends + ends)
    for axis, count in enumerate(places):
        products = _sum_diagonals(products, geometry, axis, count)
    length = torch.Size(places).numel()
    return products.reshape(-1, length, length)


def _sum_diagonals(products: Tensor, geometry: Geometry, axis: int, count: int) -> Tensor:
    """Sum over the taps of one dimension: both places move together."""
    one, other = 1 + axis, 1 + axis + len(geometry.kernel)
    size, stride = list(products.shape), products.stride()
    size[one] = size[other] = count
    together = geometry.dilation[axis] * (stride[one] + stride[other])
    taps = products.as_strided(
        (size[0], geometry.kernel[axis], *size[1:]), (stride[0], together, *stride[1:])
    )
    return taps.sum(1)
