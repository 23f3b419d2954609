"""What a person sees of an attack: the picture, the scores, the row under noise."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import numpy as np

from workbench.figures.reconstruction import decibel
from workbench.imaging.hounsfield import Window
from workbench.panels.attack_model import ATTACK, AttackModel
from workbench.panels.attack_row import RUNGS
from workbench.panels.attack_scene import Scene, mosaic
from workbench.panels.attack_words import (
    SCORE_COLUMNS,
    SCORED,
    caption,
    chosen_by,
    said_epsilon,
    said_seconds,
    score_rows,
    shared_as,
)
from workbench.panels.parts.controls import PushButton
from workbench.panels.parts.ct_view import CtView
from workbench.panels.parts.picture_row import PictureRow
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement, Table

PICTURE_PX: Final = 276
THUMB_PX: Final = 72


class AttackStage(W.HBox):
    """Left the picture with its life, right its scores and the row.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self.view = CtView(
            "CT slice and its reconstruction", size_px=PICTURE_PX, empty="Getting the slice …"
        )
        self.view.outlined = False
        self.scores = Table(SCORE_COLUMNS, score_rows(None), caption=SCORED)
        self.chosen_by = Statement()
        self.row = _Row(model)
        right = W.VBox([self.scores, self.chosen_by, self.row])
        right.layout.flex, right.layout.min_width = "1 1 0", "0"
        right.layout.grid_gap, right.layout.padding = "16px", "0 4px 4px"
        right.layout.overflow = "hidden"
        super().__init__([self.view, right])
        self.add_class("wb-frame-row")
        self._drawn: object = None
        self._window: Window | None = None
        model.observe(model.guard(self._draw), ["scenes", "chosen", "preview", "errors"])
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock, self.view.hold_sync():
            scene = self.model.scene
            if scene is not None and scene.truth is not None:
                self._draw_scene(scene, scene.truth)
            else:
                self._draw_preview()
            self.scores.rows = score_rows(scene)
            self.chosen_by.text = chosen_by(scene)

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
        if self._drawn is not scene.config:
            self.view.clear()
            self._drawn = scene.config
        window = scene.facts.get("window")
        self._use(None if window is None else Window(*window))
        self.view.show(
            mosaic(truth),
            None if scene.now is None else mosaic(scene.now.images),
            before_caption="truth",
            after_caption=f"reconstruction, {shared_as(scene.config)}",
            caption=caption(scene),
        )
        if scene.mask is not None and scene.mask.any():
            self.view.show_outlines(mosaic(scene.mask), "mask that the attacker knows")
        for shot in scene.film[len(self.view.film_captions) :]:
            self.view.add_frame(mosaic(shot.images), said_seconds(shot.seconds))

    def _use(self, window: Window | None) -> None:
        if window != self._window:
            self._window = window
            self.view.use_window(window)


class _Row(W.VBox):
    """The same slice under more and more noise, with the button that fills it."""

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self.pictures = PictureRow(
            "reconstructions under more and more noise", size_px=THUMB_PX, choosable=True
        )
        self.pictures.outlined = False
        self.fill = PushButton(
            "Fill the row", model.guard(model.fill),
            help="The same attack six times, from no protection to the noise of a training",
        )  # fmt: skip
        self.back = PushButton("Back to the attack", model.guard(self._back))
        self.words = Statement("Under more and more noise")
        self.words.layout.flex = "1 1 0"
        head = W.HBox([self.words, self.back, self.fill])
        head.layout.align_items, head.layout.grid_gap = "center", "8px"
        super().__init__([head, self.pictures])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        self._drawn: dict[int, Scene] = {}
        self._reserve()
        self.pictures.observe(model.guard(self._chosen), "chosen")
        model.observe(model.guard(self._draw), ["scenes", "chosen", "status", "blocked"])
        self._draw()

    def _back(self) -> None:
        self.model.show(ATTACK)

    def _chosen(self, change: Any) -> None:
        if change["new"] >= 0:
            self.model.show(change["new"])
            self.pictures.chosen = max(self.model.chosen, -1)

    def _reserve(self, side: tuple[int, int] = (64, 64)) -> None:
        self._drawn = {}
        self.pictures.reserve(list(RUNGS), *side)

    def _draw(self, _change: Any = None) -> None:
        model = self.model
        with model.lock, self.pictures.hold_sync():
            for place, scene in model.scenes.items():
                if place >= 0 and self._drawn.get(place) is not scene:
                    self._put(place, scene)
            self.pictures.chosen = max(model.chosen, -1)
            self.fill.disabled = model.status in BUSY or model.blocked
            away = model.chosen != ATTACK and ATTACK in model.scenes
            self.back.layout.display = "" if away else "none"

    def _put(self, place: int, scene: Scene) -> None:
        before = self._drawn.get(place)
        if scene.now is None or scene.score is None:
            if before is not None and before.config is not scene.config:
                self._reserve()
            return
        picture = mosaic(scene.now.images)
        if picture.shape != (self.pictures.rows, self.pictures.columns):
            self._reserve(picture.shape)
        self._drawn[place] = scene
        lines = [decibel(scene.score.psnr), said_epsilon(scene.config)]
        self.pictures.fill(place, picture, lines)
