"""One CT slice, large, with everything that a reader of slices expects to do with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets as T

from workbench.errors import BadInput
from workbench.imaging.hounsfield import Window
from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.overlay_traits import Overlaid
from workbench.panels.parts.pixels import grey_bytes, shrink

Preset = dict[str, Any]

_FILM_SIDE = 128
_HU_PRESETS = (("soft tissue", 40.0, 400.0), ("liver", 60.0, 160.0), ("bright parts", 140.0, 200.0))


class CtView(Overlaid):
    """A slice, or two with a divider between them; window, overlays, a film strip.

    Windowing, overlays and the divider are drawn in the browser and need no answer from Python;
    their controls stand beside the picture while "Adjust" is pressed (:attr:`adjusting`).
    Everything on screen is a trait, so that a reloaded page shows the same.

    Args:
        label: what screen readers say of the picture (``"CT slice"``).
        size_px: longer side on screen.
        empty: the sentence that stands where there is no picture yet.
    """

    _esm = script("dom", "canvas", "overlays", "ct_view")
    _css = sheet("tokens", "controls", "overlays", "ct_view")
    before = T.Bytes().tag(sync=True)
    after = T.Bytes().tag(sync=True)
    before_caption = T.Unicode().tag(sync=True)
    after_caption = T.Unicode().tag(sync=True)
    divider = T.Float(0.5, min=0, max=1).tag(sync=True)
    caption = T.Unicode().tag(sync=True)
    empty = T.Unicode("No picture yet.").tag(sync=True)
    adjusting = T.Bool(False).tag(sync=True)
    value_low = T.Float(0.0).tag(sync=True)
    value_high = T.Float(100.0).tag(sync=True)
    value_unit = T.Unicode("%").tag(sync=True)
    level = T.Float(50.0).tag(sync=True)
    span = T.Float(100.0).tag(sync=True)
    presets: T.List[Any] = T.List().tag(sync=True)
    film = T.Bytes().tag(sync=True)
    film_rows = T.Int(0).tag(sync=True)
    film_columns = T.Int(0).tag(sync=True)
    film_captions = T.List(T.Unicode()).tag(sync=True)

    def __init__(
        self, label: str = "CT slice", *, size_px: int = 320, empty: str = "No picture yet."
    ) -> None:
        super().__init__(label=label, size_px=size_px, empty=empty)
        self.use_window(None)

    def use_window(self, window: Window | None) -> None:
        """Say which HU the grey values stand for.

        Args:
            window: the range from black to white in HU; ``None`` counts in per cent instead.
        """
        low, high, unit = (
            (0.0, 100.0, "%") if window is None else (float(window.low), float(window.high), "HU")
        )
        presets = _presets(low, high, unit)
        with self.hold_sync():
            self.value_low, self.value_high, self.value_unit = low, high, unit
            self.presets = presets
            self.level, self.span = presets[0]["level"], presets[0]["span"]

    def show(
        self,
        before: np.ndarray | None = None,
        after: np.ndarray | None = None,
        *,
        before_caption: str | None = None,
        after_caption: str | None = None,
        caption: str | None = None,
    ) -> None:
        """Show one picture or two; what is not given stays as it is.

        Args:
            before: left of the divider; uint8 or float in [0, 1], ``(H, W)``.
            after: right of the divider, of the same size.
            before_caption: name under the left side.
            after_caption: name under the right side.
            caption: a quiet line under the picture.

        Raises:
            BadInput: the two pictures differ in size, or one is not a picture.
        """
        words = {
            "before_caption": before_caption, "after_caption": after_caption, "caption": caption,
        }  # fmt: skip
        with self.hold_sync():
            for name, image in (("before", before), ("after", after)):
                if image is not None:
                    self._put(name, grey_bytes(image))
            for name, text in words.items():
                if text is not None:
                    setattr(self, name, text)

    def add_frame(self, image: np.ndarray, caption: str) -> None:
        """Append a picture to the film strip.

        Args:
            image: as for :meth:`show`; kept at 128 pixels or fewer on its longer side.
            caption: a word or two (``"step 40"``).
        """
        frame = shrink(grey_bytes(image), _FILM_SIDE)
        with self.hold_sync():
            if (self.film_rows, self.film_columns) != frame.shape:
                self.film, self.film_captions, self.chosen = b"", [], -1
            self.film_rows, self.film_columns = frame.shape
            self.film += frame.tobytes()
            self.film_captions = [*self.film_captions, caption]

    def clear(self) -> None:
        """Take every picture away; window and captions' wording stay."""
        with self.hold_sync():
            self.rows = self.columns = 0
            self.before = self.after = self.film = b""
            self.masks = self.outlines = self.attributions = b""
            self.film_captions, self.chosen, self.caption = [], -1, ""

    def _put(self, name: str, image: np.ndarray) -> None:
        other = self.after if name == "before" else self.before
        if other and image.shape != (self.rows, self.columns):
            raise BadInput(
                f"The pictures to compare differ in size: {image.shape[0]} x {image.shape[1]} and "
                f"{self.rows} x {self.columns} pixels; clear the view first."
            )
        if image.shape != (self.rows, self.columns):
            self.masks = self.outlines = self.attributions = b""
        self.rows, self.columns = image.shape
        setattr(self, name, image.tobytes())


def _presets(low: float, high: float, unit: str) -> list[Preset]:
    middle, reach = (low + high) / 2, high - low
    whole = {"name": "whole range", "level": middle, "span": reach}
    if unit != "HU":
        halves = (("dark parts", 25.0, 50.0), ("bright parts", 75.0, 50.0))
        return [whole, *({"name": n, "level": lv, "span": sp} for n, lv, sp in halves)]
    fitting = [
        {"name": name, "level": level, "span": span}
        for name, level, span in _HU_PRESETS
        if low <= level <= high and span < reach
    ]
    return [whole, *fitting]
