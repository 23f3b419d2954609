"""The stage of a training: three validation slices, facts beside them, curves below."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go

from workbench.figures.training_curves import draw_training
from workbench.panels.parts.frame import boxed, side_by_side
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.picture_row import PictureRow
from workbench.panels.parts.words import More, Statement, Table
from workbench.panels.train_model import TrainModel
from workbench.panels.train_words import (
    fact_rows,
    preview_captions,
    surgery_rows,
    surgery_words,
)

PICTURE_PX: Final = 166
ROW_PX: Final = 560
CURVES_PX: Final = 184
_TITLES: Final = ("validation patient 1", "validation patient 2", "validation patient 3")


class TrainStage(W.VBox):
    """What a person sees of a training.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: TrainModel) -> None:
        self.model = model
        self.pictures = PictureRow("validation slices", size_px=PICTURE_PX)
        self.facts = Table(["Run", ""])
        self.hint = Statement("Three patients that the network never trains on appear here.")
        self.curves = LiveFigure(self._figure(), name="loss, score and epsilon")
        self.replaced = Table(["layer", "what is wrong with it", "replaced by"])
        self.surgery = More([self.replaced])
        self.pictures.layout.width = f"{ROW_PX}px"
        for beside in (self.facts, self.hint):
            beside.layout.flex, beside.layout.min_width = "1 1 0", "0"
        top = side_by_side(self.pictures, self.facts, self.hint)
        top.layout.flex_flow = "row nowrap"
        super().__init__([top, boxed(self.curves), self.surgery])
        self.layout.grid_gap = "10px"
        model.observe(model.guard(self._draw_pictures), "preview")
        model.observe(
            model.guard(self._draw_facts), ["facts", "validated", "last_step", "run", "charged"]
        )
        model.observe(
            model.guard(self._draw_curves), ["seen", "privacy", "target_epsilon", "steps"]
        )
        self._draw_pictures()
        self._draw_facts()

    def _draw_pictures(self, _change: Any = None) -> None:
        preview, row = self.model.preview, self.pictures
        with self.model.lock, row.hold_sync():
            if preview is None:
                side = self.model.image_size or 64
                row.reserve(_TITLES, side, side)
                return
            row.show(
                preview.images,
                _TITLES[: len(preview.images)],
                preview_captions(preview, self.model.facts.get("classes", ())),
            )
            masks = preview.truths.ndim == 3
            row.show_masks(preview.predictions / 255 if masks else None, "what it outlines")
            row.show_outlines(preview.truths > 0 if masks else None, "true outline")
            row.show_attributions(preview.attributions, "what it looked at")

    def _draw_facts(self, _change: Any = None) -> None:
        model = self.model
        with model.lock, self.facts.hold_sync():
            self.facts.columns = ["Run", f"…{model.run[-6:]}"]
            self.facts.rows = (
                fact_rows(model.facts, model.last_step, model.validated, model.charged)
                if model.facts
                else []
            )
        self.facts.layout.display = "" if model.facts else "none"
        self.hint.layout.display = "none" if model.facts else ""
        surgery = model.facts.get("surgery", ())
        self.surgery.layout.display = "" if surgery else "none"
        self.surgery.head.label = surgery_words(surgery)
        self.replaced.rows = surgery_rows(surgery)

    def _draw_curves(self, _change: Any = None) -> None:
        with self.model.lock:
            self.curves.show_figure(self._figure())

    def _figure(self) -> go.Figure:
        """The curves on axes that do not move while they grow."""
        model = self.model
        figure = draw_training(model.numbers, height=CURVES_PX)
        figure.update_xaxes(range=[0, model.last_step.total if model.last_step else model.steps])
        figure.update_yaxes(range=[0, 1.02], col=2)
        private, known = model.privacy != "none", model.privacy == "target_epsilon"
        top = 1.05 * model.target_epsilon if known else 1.0
        open_ended = private and not known
        # Everything is always said: a live figure keeps what a later drawing leaves out.
        figure.update_yaxes(
            col=3, showticklabels=private, autorange=open_ended,
            range=None if open_ended else [0, top],
        )  # fmt: skip
        figure.add_annotation(
            text="" if private else "no privacy, no budget", showarrow=False,
            x=0.5, y=0.5, xref="x3 domain", yref="y3 domain",
        )  # fmt: skip
        return figure
