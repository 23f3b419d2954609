"""Three of the views beside the slice: pictures with scores, curves over time, bounds."""

from __future__ import annotations

import time
from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go

from workbench.figures.attack_time import TimeNumbers, draw_time
from workbench.imaging.hounsfield import Window
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_scene import Scene, mosaic
from workbench.panels.attack_scores import (
    BOUND_COLUMNS,
    SCORE_COLUMNS,
    bound_rows,
    chosen_by,
    findings,
    score_rows,
)
from workbench.panels.parts.compared import Compared
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import Statement, Table

THUMB_PX: Final = 144
CURVES_PX: Final = 368
_REDRAW_S: Final = 0.5
"""A curve costs the page more than a picture, and moves less."""
_SEEN: Final = "Above what we know; below what the attacker sees, which proves nothing."


class PicturesView(W.VBox):
    """Truth, reconstruction and error map; the scores under them."""

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self.compared = Compared(size_px=THUMB_PX)
        self.scores = Table(SCORE_COLUMNS, score_rows(None))
        self.words = Statement()
        super().__init__([self.compared, self.scores, self.words])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        model.observe(model.guard(self._draw), ["scenes", "chosen", "preview"])
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        model = self.model
        with model.lock, self.compared.hold_sync():
            scene = model.scene
            if scene is not None and scene.truth is not None:
                self._show_scene(scene)
            else:
                preview = model.preview
                self._use(None if preview is None else preview.window)
                self.compared.show(None if preview is None else preview.picture, None)
            self.scores.rows = score_rows(scene)
            self.words.text = findings(scene)

    def _show_scene(self, scene: Scene) -> None:
        window = scene.facts.get("window")
        self._use(None if window is None else Window(*window))
        truth = None if scene.truth is None else mosaic(scene.truth)
        found = None if scene.now is None else mosaic(scene.now.images)
        title = "from noise alone" if scene.pure_noise else "reconstruction"
        self.compared.show(truth, found, title=title)

    def _use(self, window: Window | None) -> None:
        self.compared.use_range(None if window is None else float(window.high - window.low))


class TimeView(W.VBox):
    """Score and objective over the seconds of the attack.

    Attributes:
        watched: whether somebody looks; what nobody sees is not drawn.
    """

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self._watched = False
        self._last = 0.0
        self.words = Statement(_SEEN)
        self.curves = LiveFigure(self._figure(), name="PSNR and gap of gradients over time")
        super().__init__([self.words, boxed(self.curves)])
        self.layout.overflow = "hidden"
        model.observe(model.guard(self._moved), "scenes")
        model.observe(model.guard(self._draw), ["chosen", "status"])

    @property
    def watched(self) -> bool:
        """Whether somebody looks at the curves."""
        return self._watched

    @watched.setter
    def watched(self, watched: bool) -> None:
        self._watched = watched
        self._draw()

    def _moved(self, _change: Any) -> None:
        if time.monotonic() - self._last >= _REDRAW_S:
            self._draw()

    def _draw(self, _change: Any = None) -> None:
        if self._watched:
            with self.model.lock:
                self._last = time.monotonic()
                self.words.text = chosen_by(self.model.scene) or _SEEN
                self.curves.show_figure(self._figure())

    def _figure(self) -> go.Figure:
        scene = self.model.scene
        if scene is None:
            return draw_time(
                TimeNumbers((), (), (), (), None, self.model.seconds), height=CURVES_PX
            )
        blind = [score["psnr"] for score in scene.facts.get("baselines", {}).values()]
        return draw_time(
            TimeNumbers(
                gaps=scene.gaps,
                floor_gaps=scene.floor_gaps,
                psnr=scene.psnrs,
                floor_psnr=scene.floor_psnrs,
                blind=max(blind, default=None),
                seconds=scene.config.seconds,
            ),
            height=CURVES_PX,
        )


class BoundsView(W.VBox):
    """What no attack of a kind can do better."""

    def __init__(self, model: AttackModel) -> None:
        self.model = model
        self.table = Table(BOUND_COLUMNS, bound_rows(None))
        self.words = Statement(
            "A failed attack proves nothing, since a better one may come. A bound holds for every "
            "attack of its kind, and says which kind that is. Without noise none of them holds."
        )
        super().__init__([self.table, self.words])
        self.layout.grid_gap, self.layout.overflow = "12px", "visible"
        model.observe(model.guard(self._draw), ["scenes", "chosen"])
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock:
            self.table.rows = bound_rows(self.model.scene)
