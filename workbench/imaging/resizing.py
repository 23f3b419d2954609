"""Slices made square and brought to a common size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import psutil
from PIL import Image

from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet


def padded_to_square(picture: np.ndarray, background: float) -> np.ndarray:
    """``(H, W)`` in the middle of a square whose margins hold ``background``; same dtype."""
    height, width = picture.shape
    side = max(height, width)
    above, left = (side - height) // 2, (side - width) // 2
    margins = ((above, side - height - above), (left, side - width - left))
    return np.pad(picture, margins, constant_values=background)


def resized_picture(picture: np.ndarray, size: int, background: float) -> np.ndarray:
    """A picture squared and brought to ``(size, size)``, float32.

    Shrinking averages over the area of each new pixel; growing interpolates between pixels.
    """
    square = padded_to_square(picture.astype(np.float32), background)
    if len(square) == size:
        return square
    method = Image.Resampling.BOX if size < len(square) else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(square).resize((size, size), method), dtype=np.float32)


def resized_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """A mask of class indices squared with 0 and brought to ``(size, size)`` by nearest pixel."""
    square = padded_to_square(mask.astype(np.uint8), 0)
    if len(square) == size:
        return square
    small = Image.fromarray(square).resize((size, size), Image.Resampling.NEAREST)
    return np.asarray(small, dtype=np.uint8)


def check_memory(name: str, count: int, height: int, width: int) -> None:
    """Refuse a set that would not fit in the memory that is free now.

    Raises:
        BadInput: it would not; the sentence says which size to ask for.
    """
    needed, free = 8.0 * count * height * width, 0.6 * psutil.virtual_memory().available
    if needed > free:
        raise BadInput(
            f"{name}: up to {count} slices of {height} x {width} pixels need "
            f"{needed / 1e9:.0f} GB of memory and {free / 1e9:.0f} GB are free; "
            "ask for a smaller size, such as 128.",
            field="image_size",
        )


def resized(slices: SliceSet, size: int) -> SliceSet:
    """The whole set squared with black and brought to ``(N, 1, size, size)``."""
    if slices.height == slices.width == size:
        return slices
    scale = max(slices.height, slices.width) / size
    masks, spacing = slices.masks, slices.spacing_mm
    return replace(
        slices,
        images=np.stack(
            [np.clip(resized_picture(image[0], size, 0), 0, 1) for image in slices.images]
        )[:, None],
        masks=None
        if masks is None
        else np.stack([resized_mask(mask[0], size) for mask in masks])[:, None],
        spacing_mm=None if spacing is None else (spacing[0] * scale, spacing[1] * scale),
    )
