"""Knowing pictures again: renamed, re-ordered, re-saved in another format, or mixed with others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from workbench.imaging.sliceset import SliceSet

_PICTURES = (".dcm", ".ima", ".nii", ".gz", ".npz", ".png", ".jpg", ".jpeg", "")


def slice_marks(slices: SliceSet) -> tuple[str, ...]:
    """One mark for each distinct slice: a hash of its size and its pixels in 256 grey levels.

    Grey levels survive a change of format, which moves floating-point values a little. Names,
    order, patients and targets do not matter. Slices of one grey are left out: an empty slice is
    the same in every set.

    Returns:
        Sorted texts of 16 hexadecimal digits.
    """
    grey = np.round(slices.images[:, 0] * 255).astype(np.uint8)
    return tuple(sorted({_mark(picture) for picture in grey if picture.min() < picture.max()}))


def file_marks(source: str) -> tuple[str, ...]:
    """One mark for each picture file behind a source: the same file read at another size.

    Args:
        source: as ``imaging.load.load`` takes it. A built-in name has no file.

    Returns:
        Sorted texts, ``"file:"`` and 16 hexadecimal digits.
    """
    place = source if Path(source).expanduser().exists() else source.rpartition("#")[0]
    if not place:
        return ()
    path = Path(place).expanduser()
    files = path.rglob("*") if path.is_dir() else [path]
    pictures = (file for file in files if file.is_file() and file.suffix.lower() in _PICTURES)
    return tuple(sorted({f"file:{_of_file(file)}" for file in pictures}))


def _mark(picture: np.ndarray) -> str:
    digest = hashlib.blake2b(str(picture.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
