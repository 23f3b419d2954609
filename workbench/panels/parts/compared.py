"""Truth, reconstruction and what lies between them, side by side."""

from __future__ import annotations

from typing import Final

import anywidget
import numpy as np
import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.pixels import grey_bytes, signed_bytes

REACHES: Final = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Errors that the colours of the map can reach to, as shares of the grey range."""


class Compared(anywidget.AnyWidget):
    """Three pictures of one size: the truth, a reconstruction, and a map of its errors.

    In the map, black is right, blue is darker than the truth and orange brighter; the key under
    it says how much the full colours stand for.

    Args:
        size_px: longer side of each picture on screen.
    """

    _esm = script("dom", "canvas", "compared")
    _css = sheet("tokens", "compared")
    rows = T.Int(0).tag(sync=True)
    columns = T.Int(0).tag(sync=True)
    truth = T.Bytes().tag(sync=True)
    found = T.Bytes().tag(sync=True)
    error = T.Bytes().tag(sync=True)
    reach = T.Float(1.0).tag(sync=True)
    span = T.Float(100.0).tag(sync=True)
    unit = T.Unicode("%").tag(sync=True)
    found_title = T.Unicode("reconstruction").tag(sync=True)
    size_px = T.Int(160).tag(sync=True)

    def __init__(self, *, size_px: int = 160) -> None:
        super().__init__(size_px=size_px)

    def show(
        self, truth: np.ndarray | None, found: np.ndarray | None, *, title: str = "reconstruction"
    ) -> None:
        """Show a truth and what was found; ``None`` leaves a place empty.

        Args:
            truth: float in [0, 1], ``(H, W)``.
            found: the same, of the same size.
            title: what stands above the second picture.

        Raises:
            BadInput: the two differ in size.
        """
        if truth is not None and found is not None and truth.shape != found.shape:
            raise BadInput(
                f"Truth and reconstruction differ in size: {truth.shape} and {found.shape}."
            )
        both = truth is not None and found is not None
        error = found - truth if truth is not None and found is not None else None
        with self.hold_sync():
            if truth is not None:
                self.rows, self.columns = truth.shape
            self.truth = b"" if truth is None else grey_bytes(truth).tobytes()
            self.found = b"" if found is None or not both else grey_bytes(found).tobytes()
            self.reach = 1.0 if error is None else reach_of(error)
            self.error = b"" if error is None else _map(error, self.reach)
            self.found_title = title

    def use_range(self, width: float | None) -> None:
        """Say what the grey range stands for.

        Args:
            width: from black to white in HU; ``None`` counts in per cent instead.
        """
        with self.hold_sync():
            self.span, self.unit = (100.0, "%") if width is None else (width, "HU")


def reach_of(error: np.ndarray) -> float:
    """The least of :data:`REACHES` that all but one in two hundred pixels stay within."""
    most = float(np.quantile(np.abs(error), 0.995))
    return next((reach for reach in REACHES if most <= reach), REACHES[-1])


def _map(error: np.ndarray, reach: float) -> bytes:
    scaled = np.clip(error / reach, -1, 1)
    return signed_bytes(np.rint(scaled * 127).astype(np.int8)).tobytes()
