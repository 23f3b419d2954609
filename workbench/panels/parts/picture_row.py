"""Several pictures of one size side by side: validation slices, reconstructions under noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.overlay_traits import Overlaid
from workbench.panels.parts.pixels import grey_bytes


class PictureRow(Overlaid):
    """A row of pictures in one widget, each with a title above and caption lines below.

    Places may be empty at first and be filled one by one; the row does not move when they are.

    Args:
        label: what screen readers call the row.
        size_px: side of each picture on screen.
        choosable: a click chooses a picture (:attr:`chosen`, -1 for none).
    """

    _esm = script("dom", "canvas", "overlays", "picture_row")
    _css = sheet("tokens", "controls", "overlays", "picture_row")
    count = T.Int(0).tag(sync=True)
    pictures = T.Bytes().tag(sync=True)
    present = T.List(T.Bool()).tag(sync=True)
    titles = T.List(T.Unicode()).tag(sync=True)
    captions = T.List(T.List(T.Unicode())).tag(sync=True)
    choosable = T.Bool(False).tag(sync=True)

    def __init__(
        self, label: str = "pictures", *, size_px: int = 120, choosable: bool = False
    ) -> None:
        super().__init__(label=label, size_px=size_px, choosable=choosable)

    def show(
        self,
        pictures: np.ndarray,
        titles: Sequence[str] = (),
        captions: Sequence[Sequence[str]] = (),
    ) -> None:
        """Show a whole row at once.

        Args:
            pictures: uint8 or float in [0, 1], ``(K, H, W)``.
            titles: one line above each.
            captions: lines below each.
        """
        stack = grey_bytes(pictures)
        if stack.ndim != 3:
            raise BadInput(f"A row of pictures must be (K, H, W), not {stack.shape}.")
        with self.hold_sync():
            if (self.rows, self.columns) != stack.shape[1:] or self.count != len(stack):
                self.masks = self.outlines = self.attributions = b""
            self.count, self.rows, self.columns = stack.shape
            self.present = [True] * self.count
            self.titles = list(titles)
            self.captions = [list(lines) for lines in captions]
            self.pictures = stack.tobytes()

    def reserve(self, titles: Sequence[str], rows: int, columns: int) -> None:
        """Make empty places with titles, to be filled by :meth:`fill`."""
        with self.hold_sync():
            self.masks = self.outlines = self.attributions = b""
            self.count, self.rows, self.columns = len(titles), rows, columns
            self.present = [False] * len(titles)
            self.titles, self.captions = list(titles), [[] for _ in titles]
            self.pictures = bytes(len(titles) * rows * columns)
            self.chosen = -1

    def fill(self, place: int, picture: np.ndarray, caption: Sequence[str] = ()) -> None:
        """Put a picture into a reserved place.

        Args:
            place: counted from 0.
            picture: as for :meth:`show`, ``(H, W)``.
            caption: lines below it.

        Raises:
            BadInput: the picture has another size than the row.
        """
        image = grey_bytes(picture)
        if image.shape != (self.rows, self.columns) or not 0 <= place < self.count:
            raise BadInput(
                f"Place {place} of this row takes a picture of {self.rows} x {self.columns} "
                f"pixels (places 0 to {self.count - 1}), not {image.shape}."
            )
        pixels = self.rows * self.columns
        with self.hold_sync():
            before, after = self.pictures[: place * pixels], self.pictures[(place + 1) * pixels :]
            self.pictures = before + image.tobytes() + after
            self.present = [*self.present[:place], True, *self.present[place + 1 :]]
            self.captions = [
                list(caption) if at == place else lines for at, lines in enumerate(self.captions)
            ]
