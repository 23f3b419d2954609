"""Several attacks side by side: what each brought back, with its scores in a table."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as PrintFigure

from workbench.figures.reconstruction import decibel
from workbench.figures.theme import make_picture_figure, png

_SILENT = ("not looked for", "not made")

Outcome = tuple[Mapping[str, Any], Mapping[str, np.ndarray]]
"""Result and arrays of a finished attack."""

FLOOR = "same attack on pure noise"
COLUMNS = (
    "case", "PSNR", "SSIM", "brightness and contrast mended", "mask found (Dice)",
    "without the gradient", FLOOR, "anybody names it, at most", "seconds",
)  # fmt: skip


class AttackedNumbers(NamedTuple):
    """What the sheet of several attacks shows, one entry for each.

    Attributes:
        names: of the attacks.
        truths: ``(H, W)`` in [0, 1]; of a batch the slice whose PSNR is the median.
        found: ``(H, W)``, what was brought back of it.
        floors: ``(H, W)``, what the same attack made of pure noise; ``None`` where it was not
            asked to.
        rows: of the table, in the order of :data:`COLUMNS`; scores are means over a batch.
    """

    names: tuple[str, ...]
    truths: tuple[np.ndarray, ...]
    found: tuple[np.ndarray, ...]
    floors: tuple[np.ndarray | None, ...]
    rows: tuple[tuple[str, ...], ...]


def attacked_numbers(outcomes: Mapping[str, Outcome]) -> AttackedNumbers:
    """Pick the sheet out of finished attacks, by name."""
    shown = {name: _middle(result) for name, (result, _) in outcomes.items()}
    return AttackedNumbers(
        names=tuple(outcomes),
        truths=tuple(arrays["truth"][shown[name]] for name, (_, arrays) in outcomes.items()),
        found=tuple(
            arrays["reconstruction"][shown[name]] for name, (_, arrays) in outcomes.items()
        ),
        floors=tuple(
            arrays["floor"][shown[name]] if "floor" in arrays else None
            for name, (_, arrays) in outcomes.items()
        ),
        rows=tuple(_row(name, result) for name, (result, _) in outcomes.items()),
    )


def _middle(result: Mapping[str, Any]) -> int:
    scores = [one["psnr"] for one in result["per_slice"]]
    return int(np.argsort(scores)[(len(scores) - 1) // 2])


def _row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    floor = result["floor_psnr"]
    return (
        name,
        decibel(result["psnr"]),
        f"{result['ssim']:.2f}",
        decibel(result["psnr_affine"]),
        _SILENT[0] if result["mask_dice"] is None else f"{result['mask_dice']:.2f}",
        f"{decibel(result['baseline_psnr'])} ({result['baseline']})",
        _SILENT[1] if floor is None else decibel(floor),
        f"{math.ceil(round(100 * result['bound_rero'], 6))} % among {result['rank_of']}",
        f"{result['seconds']:.1f}",
    )


def draw_attacked(numbers: AttackedNumbers) -> PrintFigure:
    """A column for each attack: truth, reconstruction and, where it was made, pure noise."""
    rows = [numbers.truths, numbers.found]
    if any(floor is not None for floor in numbers.floors):
        rows.append(numbers.floors)  # type: ignore[arg-type]  # some may be missing
    figure, grid = make_picture_figure(len(rows), len(numbers.names), side_inches=1.9)
    for pictures, line in zip(rows, grid, strict=True):
        for picture, axes in zip(pictures, line, strict=True):
            if picture is not None:
                axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    for column, row in enumerate(numbers.rows):
        grid[0][column].set_title(f"{row[0]}\ntruth")
        grid[1][column].set_title(f"{row[1]}, SSIM {row[2]}")
        if len(rows) > 2 and numbers.floors[column] is not None:
            grid[2][column].set_title(f"from pure noise: {row[COLUMNS.index(FLOOR)]}")
    return figure


def attacked_html(numbers: AttackedNumbers) -> str:
    """The sheet and its table as a piece of HTML that asks no other machine for anything."""
    picture = base64.b64encode(png(draw_attacked(numbers), dpi=90)).decode()
    named = ", ".join(numbers.names)
    # A column that says nothing of any attack only makes the table wider.
    told = [at for at in range(len(COLUMNS)) if any(row[at] not in _SILENT for row in numbers.rows)]
    head = "".join(f'<th scope="col">{escape(COLUMNS[at])}</th>' for at in told)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(row[at])}</td>" for at in told) + "</tr>"
        for row in numbers.rows
    )
    return (
        f'<img src="data:image/png;base64,{picture}" style="max-width:100%" '
        f'alt="Slices and what was brought back of them: {escape(named)}; scores in the table">'
        f'<table style="line-height:1.4"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
