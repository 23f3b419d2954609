"""One NIfTI volume, read a slice at a time and turned to the radiological view."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, SpatialImage

from workbench.errors import BadInput
from workbench.imaging.readers.volume import SURELY_AIR, Volume
from workbench.imaging.resizing import resized_mask, resized_picture

ToClasses = Callable[[np.ndarray], np.ndarray]


def opened(file: Path) -> SpatialImage:
    """The header of a volume; its values stay on disk.

    Raises:
        BadInput: it is damaged, or has fewer than three axes.
    """
    try:
        # A compressed file that is closed between slices would be unpacked anew for each of them.
        image = nib.load(file, keep_file_open=True)
    except (ImageFileError, HeaderDataError, EOFError, OSError, ValueError, zlib.error) as error:
        raise _damaged(file, error) from error
    if not isinstance(image, SpatialImage) or len(image.shape) < 3:
        raise BadInput(f"{file}: this is no volume, it lacks a third axis.", field="data")
    return image


def display_shape(image: SpatialImage) -> tuple[int, int, int]:
    """Depth, height and width of the axial slices."""
    x, y, z = _axes(image)
    return (image.shape[z], image.shape[y], image.shape[x])


def axial_slices(file: Path, image: SpatialImage) -> Iterator[np.ndarray]:
    """``(H, W)`` slices, feet first, the patient's right on the left and the front on top.

    Of a volume with channels or moments the first is taken.

    Raises:
        BadInput: the file ends before its last slice.
    """
    try:
        yield from _turned(image)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise _damaged(file, error) from error


def read_volume(
    files: tuple[Path, Path | None],
    patient: str,
    *,
    size: int | None,
    to_classes: ToClasses,
    hounsfield: bool | None = None,
) -> Volume:
    """An image and its mask, shrunk while reading; with a mask, only slices with foreground.

    Args:
        files: image and mask, or ``None`` for no mask.
        patient: a name that says nothing about the person.
        size: side in pixels, or ``None``.
        to_classes: from the values of a mask's slice to class indices of the same shape.
        hounsfield: whether the values are HU; ``None`` looks for values that only air has.

    Raises:
        BadInput: a file is damaged, or image and mask differ in size.
    """
    file, mask_file = files
    image = opened(file)
    pairs = _with_mask(file, image, mask_file, to_classes)
    pictures, masks, lowest = [], [], np.inf
    for picture, mask in pairs:
        lowest = min(lowest, float(picture.min()))
        if mask is None or mask.any():
            pictures.append(_sized(picture, size))
            masks.append(np.zeros(0) if mask is None else _sized_mask(mask, size))
    _, height, width = display_shape(image)
    scale = 1.0 if size is None else max(height, width) / size
    shape = (0, size or height, size or width)
    return Volume(
        patient=patient,
        slices=np.stack(pictures) if pictures else np.zeros(shape, np.float32),
        masks=None if mask_file is None else np.stack(masks) if masks else np.zeros(shape, "u1"),
        spacing_mm=_spacing(image, scale),
        hounsfield=lowest < SURELY_AIR if hounsfield is None else hounsfield,
    )


def _with_mask(
    file: Path, image: SpatialImage, mask_file: Path | None, to_classes: ToClasses
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    if mask_file is None:
        for picture in axial_slices(file, image):
            yield picture.astype(np.float32), None
        return
    truth = opened(mask_file)
    if display_shape(image) != display_shape(truth):
        raise BadInput(
            f"{mask_file}: the mask is {_by(truth.shape)} but the image {file.name} is "
            f"{_by(image.shape)} voxels; give each image a mask of its own size.",
            field="data",
        )
    pictures, masks = axial_slices(file, image), axial_slices(mask_file, truth)
    for picture, mask in zip(pictures, masks, strict=True):
        yield picture.astype(np.float32), to_classes(_whole_numbers(mask_file, mask))


def _whole_numbers(file: Path, mask: np.ndarray) -> np.ndarray:
    rounded = np.rint(mask)
    if not (np.isfinite(mask).all() and np.allclose(mask, rounded, atol=1e-3)):
        raise BadInput(
            f"{file}: a mask holds whole numbers, one for each class, but this one does not; "
            "is it an image?",
            field="data",
        )
    return rounded.astype(np.int64)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape[:3])


def _sized(picture: np.ndarray, size: int | None) -> np.ndarray:
    # The darkest value of a CT slice is air, of an MR slice nothing.
    return picture if size is None else resized_picture(picture, size, float(picture.min()))


def _sized_mask(mask: np.ndarray, size: int | None) -> np.ndarray:
    return mask.astype(np.uint8) if size is None else resized_mask(mask, size)


def _axes(image: SpatialImage) -> tuple[int, int, int]:
    """Which array axis runs right-left, front-back and feet-head."""
    along = nib.io_orientation(image.affine)[:, 0].astype(int).tolist()
    return (along.index(0), along.index(1), along.index(2))


def _turned(image: SpatialImage) -> Iterator[np.ndarray]:
    x, y, z = _axes(image)
    flips = nib.io_orientation(image.affine)[:, 1]
    channel = (0,) * (len(image.shape) - 3)
    # Slicing along the last axis reads one slice; along another it would read the file each time.
    values = image.dataobj if z == 2 else np.asanyarray(image.dataobj)
    order = range(image.shape[z]) if flips[z] > 0 else range(image.shape[z] - 1, -1, -1)
    for index in order:
        place: list[int | slice] = [slice(None)] * 3
        place[z] = index
        flat = np.asarray(values[(*place, *channel)])
        picture = flat if y < x else flat.T
        # NIfTI counts towards the patient's right and front: both run against the picture.
        rows = slice(None, None, -1 if flips[y] > 0 else 1)
        columns = slice(None, None, -1 if flips[x] > 0 else 1)
        yield picture[rows, columns]


def _spacing(image: SpatialImage, scale: float) -> tuple[float, float]:
    x, y, _ = _axes(image)
    sizes = nib.affines.voxel_sizes(image.affine)
    return (float(sizes[y]) * scale, float(sizes[x]) * scale)


def _damaged(file: Path, error: Exception) -> BadInput:
    return BadInput(
        f"{file}: this NIfTI file is cut short or damaged ({str(error).splitlines()[0][:80]}); "
        "fetch it again.",
        field="data",
    )
