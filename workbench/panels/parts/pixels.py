"""Arrays as the bytes that the picture parts send to the browser."""

from __future__ import annotations

import numpy as np

from workbench.errors import BadInput


def grey_bytes(image: np.ndarray) -> np.ndarray:
    """A picture or stack as uint8.

    Args:
        image: uint8, or float in [0, 1], of shape ``(H, W)`` or ``(K, H, W)``.

    Raises:
        BadInput: another shape, or values outside [0, 1] by more than rounding.
    """
    array = np.asarray(image)
    if array.ndim not in (2, 3):
        raise BadInput(f"A picture must be (H, W) or (K, H, W), not {array.shape}.")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.size and not (array.min() >= -1e-3 and array.max() <= 1 + 1e-3):
        raise BadInput(
            f"A picture's values must lie in [0, 1], not {array.min():g} to {array.max():g}."
        )
    return np.ascontiguousarray(np.clip(np.rint(array * 255), 0, 255), dtype=np.uint8)


def mask_bytes(mask: np.ndarray) -> np.ndarray:
    """A mask as uint8 strength, 0 to 255.

    Args:
        mask: bool; float probability in [0, 1]; or uint8, where values up to 15 are class indices
            (any class but 0 is drawn in full) and greater ones are probability times 255.
    """
    array = np.asarray(mask)
    if array.dtype == np.uint8 and (array.size == 0 or array.max() > 15):
        return np.ascontiguousarray(array)
    if array.dtype.kind == "f":
        return grey_bytes(array)
    return np.ascontiguousarray((array > 0) * 255, dtype=np.uint8)


def signed_bytes(attribution: np.ndarray) -> np.ndarray:
    """An attribution map as int8, -127 (against) to 127 (for).

    Args:
        attribution: int8 as it is; floats are scaled so that the strongest value becomes 127.
    """
    array = np.asarray(attribution)
    if array.dtype == np.int8:
        return np.ascontiguousarray(array)
    strongest = float(np.abs(array).max()) if array.size else 0.0
    # Divided first: 127 over a very small strongest value would be infinite.
    return np.ascontiguousarray(np.rint(array / (strongest or 1.0) * 127), dtype=np.int8)


def shrink(image: np.ndarray, side: int) -> np.ndarray:
    """A uint8 picture ``(H, W)`` made smaller by whole-number averaging until it fits ``side``."""
    factor = -(-max(image.shape) // side)
    if factor <= 1:
        return image
    high, wide = (length // factor for length in image.shape)
    cut = image[: high * factor, : wide * factor].reshape(high, factor, wide, factor)
    return np.ascontiguousarray(cut.mean(axis=(1, 3)).round(), dtype=np.uint8)
