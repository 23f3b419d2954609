"""The same slice under more and more noise: a row of pictures, and PSNR over the noise."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.figures.attack_noise import draw_noise, noise_numbers
from workbench.figures.reconstruction import decibel
from workbench.panels.attack_model import ATTACK, AttackModel
from workbench.panels.attack_row import FLOOR, FLOOR_TITLE, RUNGS
from workbench.panels.attack_scene import Scene, mosaic
from workbench.panels.attack_words import said_epsilon
from workbench.panels.parts.controls import PushButton
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.picture_row import PictureRow
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement

THUMB_PX: Final = 72
CURVE_PX: Final = 238
TITLES: Final = (*RUNGS, FLOOR_TITLE)


class NoiseView(W.VBox):
    """Seven places, the last one the floor, with the button that fills them."""

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self.pictures = PictureRow(
            "reconstructions under more and more noise, the last from noise alone",
            size_px=THUMB_PX, choosable=True,
        )  # fmt: skip
        self.pictures.outlined = False
        self.fill = PushButton(
            "Fill the row", model.guard(model.fill),
            help="The same attack six times, from no protection to the noise of a training, and "
            "once more on that noise alone",
        )  # fmt: skip
        self.back = PushButton("Back to the attack", model.guard(self._back))
        self.words = Statement("Under more and more noise")
        self.words.layout.flex = "1 1 0"
        head = W.HBox([self.words, self.back, self.fill])
        head.layout.align_items, head.layout.grid_gap = "center", "8px"
        self.curve = LiveFigure(
            draw_noise(noise_numbers([]), height=CURVE_PX), name="PSNR over the noise multiplier"
        )
        super().__init__([head, self.pictures, boxed(self.curve)])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        self._drawn: dict[int, Scene] = {}
        self._plotted: list[object] = []
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
        self.pictures.reserve(list(TITLES), *side)

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
            self._plot()

    def _plot(self) -> None:
        """The attacks of the row that are finished; drawn anew when there is one more."""
        scenes = [scene for place, scene in self.model.scenes.items() if 0 <= place < FLOOR]
        results = [scene.result for scene in scenes if scene.result is not None]
        if len(results) != len(self._plotted) or any(
            new is not old for new, old in zip(results, self._plotted, strict=True)
        ):
            self._plotted = list(results)
            self.curve.show_figure(draw_noise(noise_numbers(results), height=CURVE_PX))

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
        below = "no slice" if scene.pure_noise else said_epsilon(scene.config)
        self.pictures.fill(place, picture, [decibel(scene.score.psnr), below])
