"""Class folders: one folder of pictures for each class, perhaps inside train, val and test."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from workbench.errors import BadInput
from workbench.imaging.readers.groups import groupings
from workbench.imaging.readers.picture import grey_picture, is_picture
from workbench.imaging.readers.request import Request
from workbench.imaging.resizing import check_memory, resized_picture
from workbench.imaging.sliceset import SliceSet

SPLIT_FOLDERS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True)
class _Entry:
    file: Path
    label: str
    split: str | None


def recognises(path: Path) -> bool:
    """A folder with folders of pictures, directly or below train, val and test."""
    return path.is_dir() and next(_entries(path), None) is not None


def read(request: Request) -> SliceSet:
    """Every picture, squared with black and brought to one size (the largest, if none is given).

    Classes are numbered in the order of their folders' names. A csv file in the folder with the
    columns ``file`` and ``patient`` says whose the pictures are; its column ``split`` counts too,
    and further columns with a few different words sort the pictures into groups (``cause``).

    Raises:
        BadInput: only one class, a damaged or coloured picture, a csv that does not fit.
    """
    request.refuse_labels()
    path = request.path
    entries = list(_entries(path))
    classes = tuple(sorted({entry.label for entry in entries}))
    if len(classes) < 2:
        raise BadInput(
            f"{path}: all pictures are in one class folder ({classes[0]}); "
            "a second class is needed to tell apart.",
            field="data",
        )
    size = request.size or max(_longer_side(entry.file) for entry in entries)
    check_memory(str(path), len(entries), size, size)
    rows = _rows(path)
    images = np.empty((len(entries), 1, size, size), np.float32)
    for index, entry in enumerate(entries):
        images[index, 0] = np.clip(resized_picture(grey_picture(entry.file), size, 0), 0, 1)
        request.tell(index + 1, len(entries))
    labels = np.array([classes.index(entry.label) for entry in entries])
    return SliceSet(
        name=path.name,
        images=images,
        labels=labels,
        patients=_patients(path, entries, rows),
        split=_splits(path, entries, rows),
        classes=classes,
        groups=groupings(_columns(path, entries, rows), labels),
        provenance=f"{len(entries)} pictures in {len(classes)} class folders of {path.name}"
        + ("; patients from its csv." if rows else "; each picture counts as one patient."),
    )


def _entries(folder: Path) -> Iterator[_Entry]:
    for outer in _folders(folder):
        split = SPLIT_FOLDERS.get(outer.name.lower())
        for inner in _folders(outer) if split else [outer]:
            for file in sorted(inner.iterdir()):
                if file.is_file() and is_picture(file):
                    yield _Entry(file, inner.name, split)


def _folders(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _longer_side(file: Path) -> int:
    try:
        with Image.open(file) as picture:
            return max(picture.size)
    except (UnidentifiedImageError, OSError) as error:
        raise BadInput(
            f"{file}: this is no picture, or it is cut short; open it in a viewer to see.",
            field="data",
        ) from error


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of the first csv that names files and patients, by file."""
    for file in sorted(folder.glob("*.csv")):
        with file.open(newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream)
            if {"file", "patient"} <= set(table.fieldnames or ()):
                return {row["file"]: row for row in table}
    return {}


def _row(folder: Path, entry: _Entry, rows: dict[str, dict[str, str]]) -> dict[str, str]:
    place = entry.file.relative_to(folder).as_posix()
    row = rows.get(place) or rows.get(entry.file.name)
    if row is None or not row["patient"]:
        raise BadInput(
            f"{folder}: its csv names no patient for {place}; add the row.", field="data"
        )
    return row


def _patients(folder: Path, entries: list[_Entry], rows: dict[str, dict[str, str]]) -> np.ndarray:
    if rows:
        return np.array([_row(folder, entry, rows)["patient"] for entry in entries])
    return np.arange(len(entries)).astype(str)


def _columns(
    folder: Path, entries: list[_Entry], rows: dict[str, dict[str, str]]
) -> dict[str, np.ndarray]:
    own = [_row(folder, entry, rows) for entry in entries] if rows else [{}]
    # A row that is longer than the head of its table has its rest under no name.
    names = [name for name in own[0] if name and name not in ("file", "patient", "split")]
    return {name: np.array([row[name] or "" for row in own]) for name in names}


def _splits(
    folder: Path, entries: list[_Entry], rows: dict[str, dict[str, str]]
) -> np.ndarray | None:
    named = [
        (_row(folder, entry, rows).get("split") if rows else None) or entry.split
        for entry in entries
    ]
    known = [SPLIT_FOLDERS.get(str(name).lower()) for name in named]
    if None not in known:
        return np.array(known)
    if any(named):
        raise BadInput(
            f"{folder}: some pictures belong to train, val or test and others to none of them; "
            "sort all of them or none.",
            field="data",
        )
    return None
