"""NumPy archives: the workbench's own layout and MedMNIST's."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.hounsfield import Window
from workbench.imaging.readers.groups import groupings
from workbench.imaging.readers.request import Request
from workbench.imaging.readers.targets import class_labels, class_masks, numbered
from workbench.imaging.resizing import check_memory, resized_mask, resized_picture
from workbench.imaging.sliceset import SliceSet

Arrays = dict[str, np.ndarray]
SPLITS = ("train", "val", "test")
_TEXTS = (".md", ".txt", ".pdf", ".json")


def recognises(path: Path) -> bool:
    """A file with the suffix .npz, or a folder that holds one beside nothing but texts."""
    return _file(path) is not None


def read(request: Request) -> SliceSet:
    """Slices from an archive.

    Own layout: ``images`` (N, H, W) uint8 0..255 or float 0..1; ``masks`` (N, H, W) or ``labels``
    (N,); and, where known, ``patient`` (N,), ``split`` (N,), ``classes`` (names), ``spacing_mm``
    (2,), ``window`` (2,) in HU. Any other array of texts (N,) sorts the slices into groups.
    MedMNIST's: ``train_images``, ``train_labels`` and so on.

    Raises:
        BadInput: the file is damaged, has neither layout, or an array does not fit the others.
    """
    request.refuse_labels()
    file = _file(request.path) or request.path
    arrays = _loaded(file)
    name = file.name
    if "images" in arrays:
        return _own(request, name, arrays)
    if "train_images" in arrays:
        return _own(request, name, _joined(name, arrays))
    found = ", ".join(arrays) or "nothing"
    raise BadInput(
        f"{request.path}: it holds {found}, but slices are looked for under 'images' "
        "or, as in MedMNIST, 'train_images'.",
        field="data",
    )


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".npz" else None
    inside = (
        [one for one in path.iterdir() if not one.name.startswith(".")] if path.is_dir() else []
    )
    archives = [one for one in inside if one.suffix.lower() == ".npz"]
    texts = [one for one in inside if one.suffix.lower() in _TEXTS]
    alone = len(archives) == 1 and len(archives) + len(texts) == len(inside)
    return archives[0] if alone else None


def _loaded(file: Path) -> Arrays:
    try:
        # NumPy leaves a damaged file open if it opened it itself.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, AttributeError, TypeError) as error:
        reason = "Python objects instead of numbers" if "pickle" in str(error) else str(error)
        raise BadInput(
            f"{file}: this npz file cannot be read ({reason}); write it again.", field="data"
        ) from error


def _joined(name: str, arrays: Arrays) -> Arrays:
    """MedMNIST's three parts one after the other."""
    splits = [split for split in SPLITS if f"{split}_images" in arrays]
    missing = [split for split in splits if f"{split}_labels" not in arrays]
    if missing:
        raise BadInput(f"{name}: {missing[0]}_labels is missing.", field="data")
    images = [arrays[f"{split}_images"] for split in splits]
    if len({part.shape[1:] for part in images}) > 1:
        raise BadInput(f"{name}: its parts hold images of different sizes.", field="data")
    return {
        "images": np.concatenate(images),
        "labels": np.concatenate([arrays[f"{split}_labels"] for split in splits]),
        "split": np.repeat(splits, [len(part) for part in images]),
    }


def _own(request: Request, name: str, arrays: Arrays) -> SliceSet:
    images = _grey(name, arrays["images"])
    count, height, width = images.shape
    check_memory(name, count, request.size or height, request.size or width)
    masks = class_masks(name, _masks(name, arrays, images)) if "masks" in arrays else None
    labels = class_labels(name, arrays["labels"]) if "labels" in arrays else None
    values = _in_unit_range(name, images)
    if request.size is not None:
        values = np.stack([resized_picture(v, request.size, 0) for v in values])
        masks = None if masks is None else np.stack([resized_mask(m, request.size) for m in masks])
    scale = 1.0 if request.size is None else max(height, width) / request.size
    return SliceSet(
        name=Path(name).stem,
        images=np.clip(values, 0, 1)[:, None],
        masks=None if masks is None else masks[:, None],
        labels=labels,
        patients=_patients(name, arrays, count),
        split=_split(name, arrays, count),
        classes=_classes(name, arrays, masks, labels),
        spacing_mm=_spacing(name, arrays, scale),
        window=_window(name, arrays),
        groups=groupings(_texts(arrays, count), labels),
        provenance=f"{name}, {count} slices"
        + ("." if "patient" in arrays else "; patients are not named, each slice counts as one."),
    )


def _grey(name: str, images: np.ndarray) -> np.ndarray:
    if images.ndim == 4 and images.shape[-1] in (3, 4) and images.shape[1] != 1:
        raise BadInput(f"{name}: the images are in colour; convert them to grey.", field="data")
    if images.ndim == 4 and 1 in (images.shape[1], images.shape[3]):
        images = images[:, 0] if images.shape[1] == 1 else images[..., 0]
    if images.ndim != 3 or 0 in images.shape:
        raise BadInput(
            f"{name}: images have shape {images.shape}; they must be (slices, height, width), "
            "and at least one.",
            field="data",
        )
    return images


def _in_unit_range(name: str, images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    if images.dtype == bool:
        return images.astype(np.float32)
    if images.dtype.kind == "f" and not (np.nanmin(images) < 0 or np.nanmax(images) > 1):
        return images.astype(np.float32)
    raise BadInput(
        f"{name}: images must be uint8 from 0 to 255 or float from 0 to 1, "
        f"not {images.dtype} from {images.min():g} to {images.max():g}; "
        "put Hounsfield units through a window first.",
        field="data",
    )


def _masks(name: str, arrays: Arrays, images: np.ndarray) -> np.ndarray:
    masks = arrays["masks"]
    if masks.ndim == 4 and 1 in (masks.shape[1], masks.shape[3]):
        masks = masks[:, 0] if masks.shape[1] == 1 else masks[..., 0]
    if masks.shape != images.shape:
        raise BadInput(
            f"{name}: masks have shape {masks.shape} but images {images.shape}; "
            "give each slice a mask of its own size.",
            field="data",
        )
    return masks


def _column(name: str, arrays: Arrays, key: str, count: int) -> np.ndarray:
    values = arrays[key].astype(str)
    if values.shape != (count,):
        raise BadInput(
            f"{name}: '{key}' has shape {values.shape}, but there are {count} slices.",
            field="data",
        )
    return values


def _patients(name: str, arrays: Arrays, count: int) -> np.ndarray:
    if "patient" in arrays:
        return _column(name, arrays, "patient", count)
    return np.arange(count).astype(str)


def _texts(arrays: Arrays, count: int) -> Arrays:
    known = {"patient", "split", "classes"}
    return {
        key: array
        for key, array in arrays.items()
        if key not in known and array.dtype.kind == "U" and array.shape == (count,)
    }


def _split(name: str, arrays: Arrays, count: int) -> np.ndarray | None:
    if "split" not in arrays:
        return None
    split = _column(name, arrays, "split", count)
    unknown = sorted(set(split.tolist()) - set(SPLITS))
    if unknown:
        raise BadInput(
            f"{name}: '{unknown[0]}' is no split; use train, val and test.", field="data"
        )
    return split


def _classes(
    name: str, arrays: Arrays, masks: np.ndarray | None, labels: np.ndarray | None
) -> tuple[str, ...]:
    indices = masks if masks is not None else labels
    if indices is None:
        return ()
    count = int(indices.max()) + 1
    if "classes" not in arrays:
        return numbered(count, masks is not None)
    names = tuple(arrays["classes"].astype(str).tolist())
    if len(names) < count:
        raise BadInput(
            f"{name}: 'classes' names {len(names)} classes but the highest index is {count - 1}.",
            field="data",
        )
    return names


def _pair(name: str, arrays: Arrays, key: str) -> tuple[float, float] | None:
    if key not in arrays:
        return None
    if arrays[key].shape != (2,) or arrays[key].dtype.kind not in "iuf":
        raise BadInput(f"{name}: '{key}' must be two numbers.", field="data")
    return (float(arrays[key][0]), float(arrays[key][1]))


def _spacing(name: str, arrays: Arrays, scale: float) -> tuple[float, float] | None:
    given = _pair(name, arrays, "spacing_mm")
    return None if given is None else (given[0] * scale, given[1] * scale)


def _window(name: str, arrays: Arrays) -> Window | None:
    given = _pair(name, arrays, "window")
    return None if given is None else Window(*given)
