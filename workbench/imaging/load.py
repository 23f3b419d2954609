"""The one door for pictures: a built-in name or a path in, a set of slices out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydicom.data import get_testdata_file

from workbench.errors import BadInput
from workbench.imaging.hounsfield import ABDOMEN, Window
from workbench.imaging.phantoms.cohort import Target, phantoms
from workbench.imaging.readers.registry import read
from workbench.imaging.readers.request import Request
from workbench.imaging.resizing import resized
from workbench.imaging.sliceset import SliceSet

Progress = Callable[[float, float], None]

BUILT_IN = {
    "phantom-liver": "drawn abdominal CT with liver masks (segmentation); "
    "options as in phantom-liver:patients=50,slices=8,seed=3,size=128",
    "phantom-lesion": "the same drawn patients with dense lesions: does the slice show one? "
    "(classification); same options",
    "CT_small": "one real CT slice, 128 x 128, that comes with pydicom",
}
"""Built-in names and what they are."""

TARGETS: dict[str, Target] = {"phantom-liver": "liver", "phantom-lesion": "lesion"}
PHANTOM_DEFAULTS = {
    "patients": 200, "slices": 8, "seed": 1, "size": 128, "field": 370, "beyond": 0,
    "low": int(ABDOMEN.low), "high": int(ABDOMEN.high), "versions": 0,
}  # fmt: skip
"""``field`` and ``beyond`` in mm as ``phantoms`` has them; ``low`` and ``high`` of the window;
``versions`` of each slice."""
SMALLEST, LARGEST = 16, 512


def load(source: str, *, size: int | None = None, progress: Progress | None = None) -> SliceSet:
    """Slices by name or path.

    Args:
        source: a built-in name (:data:`BUILT_IN`), or the path of a DICOM, NIfTI, npz, PNG or JPEG
            file or of a folder of DICOM series, NIfTI cases, a Decathlon task or class folders.
            Volumes with masks take ``path#label=5`` (or ``label=2+3``) for the label values that
            are foreground, and ``path#mask=organs.nii.gz`` for the mask's file.
        size: side in pixels, 16 to 512, that slices are squared and resized to; ``None`` keeps
            theirs. Phantoms are drawn at this size unless their own ``size`` option says otherwise.
        progress: called with steps done and steps in all.

    Raises:
        BadInput: nothing is there, or what is there cannot be used; one sentence says why.
    """
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise BadInput(
            f"Image size must lie between {SMALLEST} and {LARGEST} pixels, not {size}.",
            field="image_size",
        )
    name, _, options = str(source).partition(":")
    if name in TARGETS:
        return _phantoms(name, options, size, progress)
    if source == "CT_small":
        return _ct_small(size)
    return read(_request(str(source), size, progress))


def _phantoms(name: str, options: str, size: int | None, progress: Progress | None) -> SliceSet:
    chosen = PHANTOM_DEFAULTS | ({} if size is None else {"size": size})
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        number = r"-?\d+" if key in ("low", "high") else r"\d+"
        if key not in PHANTOM_DEFAULTS or not re.fullmatch(number, value):
            raise BadInput(
                f"'{option}' is no option of {name}; write whole numbers for "
                f"{', '.join(PHANTOM_DEFAULTS)}, as in {name}:patients=50,seed=3.",
                field="data",
            )
        chosen[key] = int(value)
    window = Window(chosen.pop("low"), chosen.pop("high"))
    drawn = phantoms(**chosen, window=window, target=TARGETS[name], progress=progress)
    return drawn if size is None else resized(drawn, size)


def _ct_small(size: int | None) -> SliceSet:
    # It lies inside the installed package; without download=False a missing file would be fetched.
    file = get_testdata_file("CT_small.dcm", download=False)
    return replace(read(Request(path=Path(str(file)), size=size)), name="CT_small")


def _request(source: str, size: int | None, progress: Progress | None) -> Request:
    path = Path(source).expanduser()
    labels: tuple[int, ...] = ()
    mask = None
    if not path.exists() and "#" in source:
        place, _, options = source.rpartition("#")
        path = Path(place).expanduser()
        labels, mask = _options(source, options)
    if not path.exists():
        raise BadInput(
            f"There is no file or folder {path}; give a path or one of the built-in names "
            f"{', '.join(BUILT_IN)}.",
            field="data",
        )
    return Request(path=path, size=size, labels=labels, mask=mask, progress=progress)


def _options(source: str, options: str) -> tuple[tuple[int, ...], str | None]:
    labels: tuple[int, ...] = ()
    mask = None
    for option in options.split(","):
        key, _, value = option.partition("=")
        if key == "label" and all(part.isdecimal() for part in value.split("+")):
            labels = tuple(int(part) for part in value.split("+"))
        elif key == "mask" and value:
            mask = value
        else:
            raise BadInput(
                f"{source}: after '#' stands label=5, label=2+3 or mask=FILE, not '{option}'.",
                field="data",
            )
    return labels, mask
