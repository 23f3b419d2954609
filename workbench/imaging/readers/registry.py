"""The readers, asked in turn which of them knows a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput
from workbench.imaging.readers import class_folders, decathlon, dicom, nifti, npz, picture
from workbench.imaging.readers.request import Request
from workbench.imaging.sliceset import SliceSet


@dataclass(frozen=True)
class Reader:
    """One layout.

    Args:
        layout: what a person would call it.
        recognises: whether an existing path has this layout; looks at names, not at pixels.
        read: the slices at that path.
    """

    layout: str
    recognises: Callable[[Path], bool]
    read: Callable[[Request], SliceSet]


READERS = (
    Reader("npz file", npz.recognises, npz.read),
    Reader("picture (PNG, JPEG)", picture.recognises, picture.read),
    Reader("Medical Segmentation Decathlon folder", decathlon.recognises, decathlon.read),
    Reader("NIfTI volumes", nifti.recognises, nifti.read),
    Reader("class folders of pictures", class_folders.recognises, class_folders.read),
    Reader("DICOM file or folder", dicom.recognises, dicom.read),
)
"""In the order in which they are asked; DICOM comes last because it opens files to find out."""


def read(request: Request) -> SliceSet:
    """The slices at a path, by the first reader that recognises it.

    Raises:
        BadInput: the folder is empty, nobody recognises it, or its reader refuses it.
    """
    path = request.path
    if path.is_dir() and next(path.iterdir(), None) is None:
        raise BadInput(f"{path}: this folder is empty; name one with images.", field="data")
    for reader in READERS:
        if reader.recognises(path):
            return reader.read(request)
    layouts = ", ".join(reader.layout for reader in READERS)
    raise BadInput(f"{path}: this is none of what can be read ({layouts}).", field="data")
