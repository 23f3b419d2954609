"""What a person sees of an attack: the slice and what came back, and four views beside it."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import numpy as np

from workbench.imaging.hounsfield import Window
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_noise_view import NoiseView
from workbench.panels.attack_scene import Scene, mosaic
from workbench.panels.attack_views import BoundsView, PicturesView, TimeView
from workbench.panels.attack_words import caption, said_seconds, shown_as
from workbench.panels.parts.ct_view import CtView

PICTURE_PX: Final = 268
VIEWS: Final = ("Pictures", "Over time", "Under noise", "Bounds")


class AttackStage(W.HBox):
    """Left the picture with its divider and its film, right the views.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self.view = CtView(
            "CT slice and its reconstruction", size_px=PICTURE_PX, empty="Getting the slice …"
        )
        self.view.outlined = False
        self.pictures, self.time = PicturesView(model), TimeView(model)
        self.row, self.bounds = NoiseView(model), BoundsView(model)
        self.tabs = W.Tab([self.pictures, self.time, self.row, self.bounds], titles=VIEWS)
        self.tabs.add_class("wb-views")
        self.tabs.layout.flex, self.tabs.layout.min_width = "1 1 0", "0"
        super().__init__([self.view, self.tabs])
        self.add_class("wb-frame-row")
        self.add_class("wb-beside-views")
        self.layout.flex_flow = "row nowrap"
        self._drawn: object = None
        self._window: Window | None = None
        self.tabs.observe(model.guard(self._turned), "selected_index")
        model.observe(model.guard(self._draw), ["scenes", "chosen", "preview", "errors"])
        self._draw()

    def _turned(self, change: Any) -> None:
        """A curve that nobody sees is not drawn, so it is drawn when it is looked at."""
        self.time.watched = change["new"] == VIEWS.index("Over time")

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock, self.view.hold_sync():
            scene = self.model.scene
            if scene is not None and scene.truth is not None:
                self._draw_scene(scene, scene.truth)
            else:
                self._draw_preview()

    def _draw_preview(self) -> None:
        preview = self.model.preview
        self.view.clear()
        self._drawn = None
        if preview is None:
            self.view.empty = "No slice to show." if self.model.errors else "Getting the slice …"
            return
        self._use(preview.window)
        self.view.show(preview.picture, before_caption="the patient's slice", caption=preview.words)

    def _draw_scene(self, scene: Scene, truth: np.ndarray) -> None:
        if self._drawn != (scene.config, scene.pure_noise):
            self.view.clear()
            self._drawn = (scene.config, scene.pure_noise)
        window = scene.facts.get("window")
        self._use(None if window is None else Window(*window))
        self.view.show(
            mosaic(truth),
            None if scene.now is None else mosaic(scene.now.images),
            before_caption="truth",
            after_caption=shown_as(scene),
            caption=caption(scene),
        )
        self._lay_over(scene)
        for shot in scene.film[len(self.view.film_captions) :]:
            self.view.add_frame(mosaic(shot.images), said_seconds(shot.seconds))

    def _lay_over(self, scene: Scene) -> None:
        """The outline of the true mask, and the mask that the attacker found."""
        told = "mask that the attacker knows"
        name = told if scene.config.mask == "known" else "true mask, which it is not told"
        if scene.mask is not None and scene.mask.any():
            self.view.show_outlines(mosaic(scene.mask), name)
        found = None if scene.now is None else scene.now.mask
        self.view.show_masks(None if found is None else mosaic(found), "mask that it found")

    def _use(self, window: Window | None) -> None:
        if window != self._window:
            self._window = window
            self.view.use_window(window)
