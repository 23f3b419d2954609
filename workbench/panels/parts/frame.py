"""The three places that every panel has: choices left, stage right, foot below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import ipywidgets as W
import plotly.graph_objects as go
import traitlets as T

from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.bind import bind_guarantee, bind_run_bar
from workbench.panels.parts.controls import Field
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.model import PanelModel


class _Sheet(anywidget.AnyWidget):
    """Brings the frame's style sheet and the panel's heading to the page."""

    _esm = script("dom", "heading")
    _css = sheet("tokens", "frame")
    title = T.Unicode().tag(sync=True)


class Frame(W.VBox):
    """A whole panel; seen without scrolling at 1280 x 800.

    Args:
        title: the panel's name.
        choices: controls, from top to bottom; fold what is rarely needed into a ``More``.
        stage: pictures first, curves under them; rows are ``HBox``es.
        model: the foot shows its run, its guarantee and its messages.
        labels: words for the run bar (``start_label``, ``again_label``, ``pausable``).
    """

    def __init__(
        self,
        title: str,
        choices: Sequence[W.Widget],
        stage: Sequence[W.Widget],
        model: PanelModel,
        **labels: Any,
    ) -> None:
        self.model = model
        self.run_bar = bind_run_bar(model, **labels)
        self.guarantee = bind_guarantee(model)
        left = _box(choices, "wb-frame-choices")
        right = _box([boxed(part) for part in stage], "wb-frame-stage")
        middle = W.HBox([left, right])
        middle.add_class("wb-frame-middle")
        foot = _box([self.guarantee, self.run_bar], "wb-frame-foot")
        super().__init__([_Sheet(title=title), middle, foot])
        self.add_class("wb-frame")
        model.observe(lambda _change: self.resend(), "echo")

    def resend(self) -> None:
        """Send every part's state once more, in case the page lost an update."""
        for part in _inside(self):
            if isinstance(part, LiveFigure):
                part.resend()
            elif isinstance(part, anywidget.AnyWidget) and not isinstance(part, Field):
                part.send_state()  # a control holds what the person chose; it lost nothing


def boxed(part: W.Widget) -> W.Widget:
    """The part, in a box of its own where it is a plotly figure.

    Layout containers other than boxes refuse plotly's figures, because their ``layout`` is not
    the one of a widget.
    """
    if isinstance(part, go.FigureWidget):
        box = W.VBox([part])
        box.add_class("wb-frame-figure")
        return box
    return part


def side_by_side(*parts: W.Widget) -> W.HBox:
    """Parts in one row of the stage; figures take the room that pictures leave."""
    row = W.HBox([boxed(part) for part in parts])
    row.add_class("wb-frame-row")
    return row


def _box(children: Sequence[W.Widget], name: str) -> W.VBox:
    box = W.VBox(list(children))
    box.add_class(name)
    return box


def _inside(widget: W.Widget) -> list[W.Widget]:
    children = getattr(widget, "children", ())
    return [widget, *(part for child in children for part in _inside(child))]
