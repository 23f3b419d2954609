"""One picture file: PNG, JPEG and what else pillow reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from workbench.errors import BadInput
from workbench.imaging.readers.request import Request
from workbench.imaging.readers.targets import class_masks, numbered
from workbench.imaging.resizing import resized_mask, resized_picture
from workbench.imaging.sliceset import SliceSet

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
MASK_ENDINGS = ("_mask", "-mask", ".mask", "_seg")
WHITE = {"1": 1.0, "L": 255.0, "I;16": 65535.0, "I;16B": 65535.0, "I": 65535.0}
"""Value of white in pillow's grey modes."""


def is_picture(file: Path) -> bool:
    """Whether a file is named like a picture; other systems' hidden files are not."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def recognises(path: Path) -> bool:
    """A file named like a picture."""
    return path.is_file() and is_picture(path)


def read(request: Request) -> SliceSet:
    """The picture as one slice, with ``name_mask.png`` beside it as its mask where there is one.

    Raises:
        BadInput: it is no picture, in colour, or its mask has another size.
    """
    request.refuse_labels()
    path, size = request.path, request.size
    grey = grey_picture(path)
    mask_file = _mask_beside(path)
    mask = None if mask_file is None else _mask(mask_file, grey)
    if size is not None:
        grey = resized_picture(grey, size, 0)
        mask = None if mask is None else resized_mask(mask, size)
    beside = f" with mask {mask_file.name}" if mask_file else ""
    return SliceSet(
        name=path.stem,
        images=np.clip(grey, 0, 1)[None, None],
        masks=None if mask is None else mask[None, None],
        patients=np.array(["patient 1"]),
        classes=() if mask is None else numbered(int(mask.max()) + 1, True),
        provenance=f"Picture {path.name}{beside}.",
    )


def grey_picture(file: Path) -> np.ndarray:
    """Grey values of a picture, float32 ``(H, W)`` in [0, 1].

    Grey pictures that are stored as colour are taken as grey.

    Raises:
        BadInput: it is no picture, cut short, or in colour.
    """
    try:
        with Image.open(file) as picture:
            picture.load()
            if picture.mode in WHITE:
                values = np.asarray(picture, dtype=np.float32)
                return values / np.float32(WHITE[picture.mode])
            return _from_colour(file, picture)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"{file}: this is no picture, or it is cut short; open it in a viewer to see.",
            field="data",
        ) from error


def _from_colour(file: Path, picture: Image.Image) -> np.ndarray:
    colours = np.asarray(picture.convert("RGB"), dtype=np.int16)
    # JPEG rounds the three channels of a grey picture by a step or two.
    if np.ptp(colours, axis=2).max(initial=0) > 4:
        raise BadInput(f"{file}: this picture is in colour; convert it to grey.", field="data")
    return (colours.mean(axis=2) / 255).astype(np.float32)


def _mask_beside(file: Path) -> Path | None:
    names = (f"{file.stem}{ending}.png" for ending in MASK_ENDINGS)
    return next((file.with_name(name) for name in names if file.with_name(name).is_file()), None)


def _mask(file: Path, grey: np.ndarray) -> np.ndarray:
    values = np.rint(grey_picture(file) * 255)
    if values.shape != grey.shape:
        raise BadInput(
            f"{file}: the mask is {values.shape[0]} x {values.shape[1]} but its picture is "
            f"{grey.shape[0]} x {grey.shape[1]} pixels; give it a mask of its own size.",
            field="data",
        )
    return class_masks(str(file), values)
