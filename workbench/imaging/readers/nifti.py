"""NIfTI: a file, a case folder with the mask beside the image, or a folder of cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.readers.nifti_volume import display_shape, opened, read_volume
from workbench.imaging.readers.request import Request
from workbench.imaging.readers.volume import Volume, slice_set
from workbench.imaging.resizing import check_memory
from workbench.imaging.sliceset import SliceSet

Pair = tuple[Path, Path | None]

MASK_NAME = re.compile(
    r"(^|[-_. ])(masks?|seg|segmentations?|labels?|labelmap|organs?|gt)([-_. ]|$)"
)
"""What a file's name says when it is a mask: ``organs.nii.gz``, ``case1_seg.nii``."""


def is_nifti(file: Path) -> bool:
    """Whether a file is named like a volume; other systems' hidden files are not."""
    return file.name.lower().endswith((".nii", ".nii.gz")) and not file.name.startswith(".")


def recognises(path: Path) -> bool:
    """A NIfTI file, or a folder that has some, itself or in its case folders."""
    return is_nifti(path) if path.is_file() else any(_cases(path))


def read(request: Request) -> SliceSet:
    """Axial slices of every volume, with the masks beside the images.

    Where there is a mask, only slices that show foreground are kept. Every label value that is
    not 0 is foreground, unless ``#label=5`` (or ``#label=2+3``) says which.

    Raises:
        BadInput: a volume is damaged, sizes differ, the label occurs nowhere.
    """
    path = request.path
    folders = [path.parent] if path.is_file() else list(_cases(path))
    pairs = [pair for folder in folders for pair in _pairs(folder, request)]
    check_volumes_fit(path, [image for image, _ in pairs], request.size)
    seen: set[int] = set()
    volumes = []
    for number, pair in enumerate(pairs, start=1):

        def to_classes(mask: np.ndarray) -> np.ndarray:
            seen.update(np.unique(mask).tolist())
            return np.isin(mask, request.labels) if request.labels else mask != 0

        volumes.append(
            read_volume(pair, f"patient {number}", size=request.size, to_classes=to_classes)
        )
        request.tell(number, len(pairs))
    return slice_set(
        _stem(path) if path.is_file() else path.name,
        with_slices(path, volumes, request.labels, seen),
        size=request.size,
        classes=("background", _foreground(request.labels)),
        provenance=_provenance(pairs),
    )


def check_volumes_fit(path: Path, images: list[Path], size: int | None) -> None:
    """Refuse volumes whose slices, kept at their own size, would not fit in memory."""
    if size is None:
        shapes = [display_shape(opened(image)) for image in images]
        height, width = max(s[1] for s in shapes), max(s[2] for s in shapes)
        check_memory(str(path), sum(s[0] for s in shapes), height, width)


def with_slices(
    path: Path, volumes: list[Volume], labels: tuple[int, ...], seen: set[int]
) -> list[Volume]:
    """The volumes that have any slice left.

    Raises:
        BadInput: none has: the masks hold no foreground, or not the label asked for.
    """
    kept = [volume for volume in volumes if len(volume.slices)]
    if not kept:
        found = ", ".join(str(value) for value in sorted(seen - {0})[:40])
        what = "label " + "+".join(str(v) for v in labels) if labels else "foreground"
        cure = f"the masks hold {found}" if found else "every value in the masks is 0"
        raise BadInput(f"{path}: no slice shows {what}; {cure}.", field="data")
    return kept


def _foreground(labels: tuple[int, ...]) -> str:
    return "label " + "+".join(str(value) for value in labels) if labels else "foreground"


def _provenance(pairs: list[Pair]) -> str:
    image, mask = pairs[0]
    if len(pairs) > 1:
        return f"{len(pairs)} NIfTI volumes, each taken as one patient."
    return f"NIfTI volume {image.name}" + (f" with mask {mask.name}." if mask else ", no mask.")


def _cases(folder: Path) -> Iterator[Path]:
    inside = sorted(folder.iterdir())
    if any(is_nifti(item) for item in inside if item.is_file()):
        yield folder
        return
    for item in inside:
        if item.is_dir() and any(is_nifti(file) for file in item.iterdir()):
            yield item


def _pairs(folder: Path, request: Request) -> list[Pair]:
    files = sorted(file for file in folder.iterdir() if file.is_file() and is_nifti(file))
    named_masks = [file for file in files if MASK_NAME.search(_stem(file))]
    masks = [file for file in files if file.name == request.mask] if request.mask else named_masks
    images = [file for file in files if file not in masks + named_masks]
    if request.path in masks:
        # A mask named by itself stands for the image that it belongs to.
        return [(image, request.path) for image in images[:1]] or [(request.path, None)]
    if request.path.is_file():
        images = [request.path]
    if request.mask and not masks:
        raise BadInput(f"{folder}: there is no mask file {request.mask} in it.", field="data")
    if not images:
        raise BadInput(f"{folder}: there are masks but no image beside them.", field="data")
    if request.mask:
        return [(image, masks[0]) for image in images]
    single = len(files) - len(masks) == 1
    return [(image, _mask_of(image, masks, single)) for image in images]


def _mask_of(image: Path, masks: list[Path], single: bool) -> Path | None:
    mine = [mask for mask in masks if single or _stem(mask).startswith(_stem(image))]
    if len(mine) > 1:
        names = ", ".join(mask.name for mask in mine[:4])
        raise BadInput(
            f"{image.parent}: several files could be the mask of {image.name} ({names}); "
            f"say which, as in '{image}#mask={mine[0].name}'.",
            field="data",
        )
    return mine[0] if mine else None


def _stem(file: Path) -> str:
    return file.name.lower().removesuffix(".gz").removesuffix(".nii")
