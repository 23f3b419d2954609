"""Pictures of one size in rows and columns: the same patients under several trainings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.overlay_traits import Overlaid
from workbench.panels.parts.pixels import grey_bytes

Lines = Sequence[str]


class PictureGrid(Overlaid):
    """A table of pictures with words over its columns, beside its rows and under each picture.

    A click on a column, or Enter on its head, chooses it (:attr:`chosen`, counted from 0, -1 for
    none). Masks, outlines and attributions are given as stacks of all pictures, row by row.

    Args:
        label: what screen readers call the table.
        size_px: side of each picture on screen at most; in a narrow place they shrink.
    """

    _esm = script("dom", "canvas", "overlays", "picture_grid")
    _css = sheet("tokens", "controls", "overlays", "picture_row", "picture_grid")
    pictures = T.Bytes().tag(sync=True)
    heads = T.List(T.List(T.Unicode())).tag(sync=True)
    sides = T.List(T.Unicode()).tag(sync=True)
    captions = T.List(T.List(T.List(T.Unicode()))).tag(sync=True)

    def __init__(self, label: str = "pictures", *, size_px: int = 96) -> None:
        super().__init__(label=label, size_px=size_px)

    def show(
        self,
        pictures: np.ndarray,
        heads: Sequence[Lines],
        sides: Sequence[str],
        captions: Sequence[Sequence[Lines]],
    ) -> None:
        """Show a whole table; what lay over the one before is taken away.

        Args:
            pictures: uint8 or float in [0, 1], ``(R, C, H, W)``.
            heads: lines over each of the ``C`` columns.
            sides: words beside each of the ``R`` rows.
            captions: for each row and column the lines under the picture.

        Raises:
            BadInput: the numbers of rows and columns differ.
        """
        if pictures.ndim != 4 or pictures.shape[:2] != (len(sides), len(heads)):
            raise BadInput(
                f"A table of {len(sides)} x {len(heads)} pictures must be (R, C, H, W), not "
                f"{pictures.shape}."
            )
        with self.hold_sync():
            self.masks = self.outlines = self.attributions = b""
            self.rows, self.columns = pictures.shape[2:]
            self.heads = [list(lines) for lines in heads]
            self.sides = list(sides)
            self.captions = [[list(lines) for lines in row] for row in captions]
            self.pictures = grey_bytes(pictures.reshape(-1, *pictures.shape[2:])).tobytes()

    def clear(self) -> None:
        """Show nothing."""
        with self.hold_sync():
            self.heads, self.sides, self.captions = [], [], []
            self.pictures = self.masks = self.outlines = self.attributions = b""
