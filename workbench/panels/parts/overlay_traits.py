"""What can lie over a picture: a mask, an attribution map, an outline."""

from __future__ import annotations

from typing import Literal

import anywidget
import numpy as np
import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.pixels import mask_bytes, signed_bytes

Overlay = Literal["none", "mask", "attribution"]


class Overlaid(anywidget.AnyWidget):
    """Pictures of ``rows`` x ``columns`` pixels with one overlay at a time and an outline.

    The bytes of ``masks``, ``outlines`` and ``attributions`` belong to the pictures in order.
    """

    rows = T.Int(0).tag(sync=True)
    columns = T.Int(0).tag(sync=True)
    size_px = T.Int(256).tag(sync=True)
    label = T.Unicode().tag(sync=True)
    masks = T.Bytes().tag(sync=True)
    mask_name = T.Unicode("mask").tag(sync=True)
    outlines = T.Bytes().tag(sync=True)
    outline_name = T.Unicode("outline").tag(sync=True)
    attributions = T.Bytes().tag(sync=True)
    attribution_name = T.Unicode("what it looked at").tag(sync=True)
    overlay = T.Enum(["none", "mask", "attribution"], "mask").tag(sync=True)
    opacity = T.Float(0.5, min=0, max=1).tag(sync=True)
    outlined = T.Bool(True).tag(sync=True)
    chosen = T.Int(-1).tag(sync=True)

    def show_masks(self, masks: np.ndarray | None, name: str = "mask") -> None:
        """Lay a blue tint over the pictures.

        Args:
            masks: bool, uint8 or float (see :func:`workbench.panels.parts.pixels.mask_bytes`),
                as many and as large as the pictures; ``None`` takes it away.
            name: what the overlay is called in the list of overlays.
        """
        with self.hold_sync():
            self.mask_name = name
            self.masks = self._stack(None if masks is None else mask_bytes(masks), "mask")

    def show_outlines(self, masks: np.ndarray | None, name: str = "outline of the truth") -> None:
        """Draw the border of a mask as a yellow line; arguments as for :meth:`show_masks`."""
        with self.hold_sync():
            self.outline_name = name
            self.outlines = self._stack(None if masks is None else mask_bytes(masks), "outline")

    def show_attributions(self, signed: np.ndarray | None, name: str = "what it looked at") -> None:
        """Lay a signed map over the pictures, blue for against and orange for.

        Args:
            signed: int8 -127 to 127, or float; ``None`` takes it away.
            name: what the overlay is called in the list of overlays.
        """
        with self.hold_sync():
            self.attribution_name = name
            self.attributions = self._stack(
                None if signed is None else signed_bytes(signed), "attribution"
            )

    def _stack(self, array: np.ndarray | None, what: str) -> bytes:
        if array is None:
            return b""
        if array.shape[-2:] != (self.rows, self.columns):
            raise BadInput(
                f"The {what} is {array.shape[-2]} x {array.shape[-1]} pixels but the picture is "
                f"{self.rows} x {self.columns}; show the picture first, then what lies over it."
            )
        return array.tobytes()
