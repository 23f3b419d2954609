"""How a prediction and its reasons fade in: the same patients at every epsilon, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.exploring.shown import Shown
from workbench.figures.theme import PALETTE, make_picture_figure

_SHADE = (0x56 / 255, 0xB4 / 255, 0xE9 / 255)
_AGAINST, _FOR = (0.0, 0x72 / 255, 0xB2 / 255), (0xE6 / 255, 0x9F / 255, 0.0)
_STRENGTH = 0.6
_SURE = 128
_SIDE = 1.5


class FadingNumbers(NamedTuple):
    """``K`` patients in rows, ``C`` runs in columns, in the order of epsilon.

    Attributes:
        epsilons: of the columns, infinity last.
        seeds: of the columns.
        runs: ids of the columns.
        images: uint8 ``(K, C, H, W)``.
        outlines: bool ``(K, C, H, W)``, the truth; ``None`` for a classification.
        masks: uint8 ``(K, C, H, W)``, probability times 255; ``None`` for a classification.
        attributions: int8 ``(K, C, H, W)``; ``None`` where a run recorded none.
        patients: words beside the rows; for a classification with the true class.
        words: for each row and column what the run says there, in a few lines.
        others: columns whose slices are not those of the last column, counted from 0.
        left_out: runs whose slices have another size or number than those of the last column.
    """

    epsilons: tuple[float, ...]
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    images: np.ndarray
    outlines: np.ndarray | None
    masks: np.ndarray | None
    attributions: np.ndarray | None
    patients: tuple[str, ...]
    words: list[list[list[str]]]
    others: tuple[int, ...]
    left_out: tuple[str, ...]


def fading_numbers(shown: Sequence[Shown]) -> FadingNumbers:
    """Lay what runs left behind side by side.

    Args:
        shown: one run for each epsilon, in their order; at least one. The last one decides which
            slices are the same ones.
    """
    last = shown[-1]
    fits = [one for one in shown if one.images.shape == last.images.shape]
    columns = [one for one in fits if one.segments == last.segments]
    return FadingNumbers(
        epsilons=tuple(one.explored.epsilon for one in columns),
        seeds=tuple(one.explored.seed for one in columns),
        runs=tuple(one.explored.run for one in columns),
        images=_across([one.images for one in columns]),
        outlines=_across([one.truths > 0 for one in columns]) if last.segments else None,
        masks=_across([one.predictions for one in columns]) if last.segments else None,
        attributions=_attributions(columns),
        patients=tuple(_patient(last, row) for row in range(len(last.images))),
        words=[[_said(one, row, last) for one in columns] for row in range(len(last.images))],
        others=tuple(at for at, one in enumerate(columns) if not _same(one, last)),
        left_out=tuple(one.explored.run for one in shown if one not in columns),
    )


def budget_words(epsilon: float) -> str:
    """``"ε = 3"``, ``"ε = ∞"``."""
    return "ε = ∞" if math.isinf(epsilon) else f"ε = {epsilon:.4g}"


def draw_fading(numbers: FadingNumbers) -> Figure:
    """For print: for each patient a row of predictions over a row of reasons.

    Predicted masks are shaded by their probability, true outlines are lines. Reasons (integrated
    gradients, each picture to its own scale) are orange where a pixel spoke for what is said,
    blue where it spoke against it. A classification has a row of reasons alone.
    """
    layers = [name for name in ("masks", "attributions") if getattr(numbers, name) is not None]
    layers = layers or ["images"]
    patients = range(len(numbers.images))
    rows = [(patient, layer) for patient in patients for layer in layers]
    figure, grid = make_picture_figure(len(rows), len(numbers.runs), side_inches=_SIDE)
    figure.set_size_inches(_SIDE * len(numbers.runs) + 0.2, (_SIDE + 0.1) * len(rows) + 0.3)
    for (patient, layer), line in zip(rows, grid, strict=True):
        for column, axes in enumerate(line):
            _draw(axes, numbers, patient, column, layer)
            if layer == layers[0]:
                _write(axes, numbers, patient, column)
        said = numbers.patients[patient] if layer == layers[0] else "its reasons"
        line[0].text(-0.06, 0.5, said, rotation=90, ha="right", va="center", fontsize=8,
                     transform=line[0].transAxes)  # fmt: skip
    return figure


def _across(stacks: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(stacks, axis=1)


def _attributions(columns: Sequence[Shown]) -> np.ndarray | None:
    known = [one.attributions for one in columns if one.attributions is not None]
    return _across(known) if len(known) == len(columns) else None


def _same(one: Shown, other: Shown) -> bool:
    return np.array_equal(one.images, other.images) and np.array_equal(one.truths, other.truths)


def _patient(last: Shown, row: int) -> str:
    patient = f"patient {row + 1}"
    return patient if last.segments else f"{patient}, {_name(last.classes, int(last.truths[row]))}"


def _said(one: Shown, row: int, last: Shown) -> list[str]:
    """Dice of the slice; or how probable its true class is, and what is said instead."""
    if one.segments:
        return [f"Dice {_overlap(one.truths[row] > 0, one.predictions[row] >= _SURE):.2f}"]
    truth, chances = int(one.truths[row]), one.predictions[row]
    said = f"{100 * chances[truth]:.0f} %"
    if truth != last.truths[row]:  # of another patient than the row's
        said = f"{_name(one.classes, truth)} {said}"
    wrong = int(chances.argmax())
    if wrong == truth:
        return [said]
    return [f"{said}, wrong"] if len(chances) == 2 else [said, f"says {_name(one.classes, wrong)}"]


def _name(classes: Sequence[str], index: int) -> str:
    return classes[index] if index < len(classes) else f"class {index}"


def _overlap(truth: np.ndarray, said: np.ndarray) -> float:
    total = int(truth.sum() + said.sum())
    return 2 * int((truth & said).sum()) / total if total else 1.0


def _draw(axes: Axes, numbers: FadingNumbers, row: int, column: int, layer: str) -> None:
    axes.imshow(numbers.images[row, column], cmap="gray", vmin=0, vmax=255)
    if layer == "masks" and numbers.masks is not None:
        axes.imshow(_tint(_SHADE, numbers.masks[row, column] / 255))
    if layer == "attributions" and numbers.attributions is not None:
        signed = numbers.attributions[row, column] / 127
        axes.imshow(_tint(_FOR, np.clip(signed, 0, 1)))
        axes.imshow(_tint(_AGAINST, np.clip(-signed, 0, 1)))
    if numbers.outlines is not None and numbers.outlines[row, column].any():
        axes.contour(
            numbers.outlines[row, column], levels=[0.5], colors=PALETTE["yellow"], linewidths=0.9
        )


def _tint(colour: tuple[float, float, float], strength: np.ndarray) -> np.ndarray:
    sheet = np.empty((*strength.shape, 4))
    sheet[..., :3], sheet[..., 3] = colour, _STRENGTH * strength
    return sheet


def _write(axes: Axes, numbers: FadingNumbers, row: int, column: int) -> None:
    if row == 0:
        head = f"{budget_words(numbers.epsilons[column])}\nseed {numbers.seeds[column]}"
        axes.set_title(head, fontsize=9)
    star = "*" if column in numbers.others else ""
    axes.text(0.5, -0.03, ", ".join(numbers.words[row][column]) + star, ha="center", va="top",
              fontsize=7, transform=axes.transAxes)  # fmt: skip
