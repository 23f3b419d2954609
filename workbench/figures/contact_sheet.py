"""A contact sheet: slices spread over a whole set, with the outlines of their masks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.theme import PALETTE
from workbench.imaging.sliceset import SliceSet

OUTLINES = tuple(PALETTE[name] for name in ("orange", "sky", "green", "yellow", "purple"))
"""Colours that stand out from grey, in the order in which classes get them."""

COLUMNS = 6


class ContactSheetNumbers(NamedTuple):
    """What a contact sheet shows.

    Attributes:
        pictures: float32 ``(K, H, W)`` in [0, 1].
        masks: uint8 ``(K, H, W)``, class indices, or ``None``.
        captions: one for each picture.
        classes: names of the classes of the masks, background first.
        title: what the set is.
    """

    pictures: np.ndarray
    masks: np.ndarray | None
    captions: tuple[str, ...]
    classes: tuple[str, ...]
    title: str


def contact_sheet_numbers(slices: SliceSet, count: int = 24) -> ContactSheetNumbers:
    """At most ``count`` slices, evenly spread over the set from its first to its last."""
    chosen = np.unique(np.linspace(0, len(slices) - 1, min(count, len(slices))).round().astype(int))
    shown = slices.subset(chosen)
    people = "1 patient" if slices.patient_count == 1 else f"{slices.patient_count:,} patients"
    number = "1 slice" if len(slices) == 1 else f"{len(slices):,} slices"
    return ContactSheetNumbers(
        pictures=shown.images[:, 0],
        masks=None if shown.masks is None else shown.masks[:, 0],
        captions=tuple(_caption(slices, index) for index in chosen.tolist()),
        classes=slices.classes if slices.masks is not None else (),
        title=f"{slices.name}: {number} of {people}, {slices.height} x {slices.width} pixels",
    )


def _caption(slices: SliceSet, index: int) -> str:
    # Patients' names stay out of the picture: it may be passed on.
    if slices.labels is None:
        return f"slice {index}"
    return f"slice {index}: {slices.classes[int(slices.labels[index])]}"


def draw_contact_sheet(numbers: ContactSheetNumbers) -> Figure:
    """Draw it: dark, pictures edge to edge, one colour for each class."""
    columns = min(COLUMNS, len(numbers.pictures))
    rows = math.ceil(len(numbers.pictures) / columns)
    figure = Figure(figsize=(max(1.9 * columns, 4.5), 2.1 * rows + 0.6), facecolor="black")
    figure.suptitle(numbers.title, color="white", fontsize=10)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for index, axes in enumerate(grid[: len(numbers.pictures)]):
        _draw_slice(axes, numbers, index)
    _name_colours(figure, numbers.classes)
    figure.subplots_adjust(0.01, 0.08, 0.99, 1 - 0.6 / (2.1 * rows + 0.6), 0.03, 0.16)
    return figure


def _draw_slice(axes: Axes, numbers: ContactSheetNumbers, index: int) -> None:
    axes.imshow(numbers.pictures[index], cmap="gray", vmin=0, vmax=1)
    axes.set_title(numbers.captions[index], color="white", fontsize=7, pad=2)
    if numbers.masks is None:
        return
    mask = numbers.masks[index]
    for value in np.unique(mask[mask > 0]).tolist():
        axes.contour(mask == value, levels=[0.5], colors=[_colour(value)], linewidths=0.9)


def _colour(value: int) -> str:
    return OUTLINES[(value - 1) % len(OUTLINES)]


def _name_colours(figure: Figure, classes: tuple[str, ...]) -> None:
    names = classes[1:]
    for index, name in enumerate(names[: len(OUTLINES)], start=1):
        place = index / (min(len(names), len(OUTLINES)) + 1)
        figure.text(place, 0.02, name, color=_colour(index), fontsize=9, ha="center")
