"""A plotly figure that is cheap, survives a page reload and sends nothing to anybody.

A plain ``FigureWidget`` brings 5 MB of JavaScript each, comes back after a reload with the data
it was made with, and offers to upload them. Uses names that plotly does not promise to keep;
``tests/panels/test_live_figure.py`` says which.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from importlib.resources import files
from typing import Any, ClassVar, Final

import anywidget
import numpy as np
import plotly.graph_objects as go
import traitlets as T

from workbench.figures.theme import SAFE_CONFIG
from workbench.panels.parts.assets import script, sheet

_LISTS: Final = ("annotations", "shapes")


class PlotlyBundle(anywidget.AnyWidget):
    """Carries plotly's JavaScript to the page, once for all figures of a kernel."""

    _esm = script("shared_plotly", "plotly_bundle")
    source = T.Unicode().tag(sync=True)

    _only: ClassVar[PlotlyBundle | None] = None
    _making: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def ensure(cls) -> PlotlyBundle:
        """The bundle of this kernel, sent now if it was not."""
        with cls._making:
            if cls._only is None or cls._only.comm is None:
                text = files("plotly").joinpath("package_data/widgetbundle.js").read_text("utf-8")
                cls._only = cls(source=text)
            return cls._only


class LiveFigure(go.FigureWidget):
    """A figure on the page that can be drawn anew from any thread.

    Put it into a ``VBox``: other layouts refuse it, because its ``layout`` is plotly's. At most
    six of them fit on a page.

    Args:
        figure: what it shows first.
        name: what screen readers call it.
        on_click: told the ``customdata`` of a point that was clicked, where it has any; wrap it in
            the model's ``guard``. Offer the same without a mouse, too.
    """

    _esm = script("shared_plotly", "live_figure")
    _css = sheet("live_figure")
    figure_name = T.Unicode("figure").tag(sync=True)

    def __init__(
        self,
        figure: go.Figure | None = None,
        *,
        name: str = "figure",
        on_click: Callable[[Any], object] | None = None,
    ) -> None:
        PlotlyBundle.ensure()
        self._on_click = on_click
        self._drawing = threading.RLock()
        super().__init__(figure)
        self._config = dict(SAFE_CONFIG)
        self.figure_name = name
        self.on_msg(self._heard)
        self.observe(self._pointed, "_js2py_pointsCallback")

    def show_figure(self, figure: go.Figure) -> None:
        """Show what ``figure`` shows: one redraw where only numbers changed.

        Args:
            figure: made by one of the drawing functions in ``workbench.figures``.
        """
        with self._drawing:
            me: Any = self
            if [_kind(trace) for trace in me.data] != [_kind(trace) for trace in figure.data]:
                me.data = ()
                me.add_traces(figure.data)
            with me.batch_update():
                for mine, new in zip(me.data, figure.data, strict=True):
                    mine.update(_numbers(new), overwrite=True)
                layout = figure.layout.to_plotly_json()
                layout.pop("template", None)  # large, and the same for all our figures
                for name in _LISTS:  # an update would keep what is not there any more
                    if [one.to_plotly_json() for one in me.layout[name]] != layout.get(name, []):
                        me.layout[name] = layout.get(name, [])
                    layout.pop(name, None)
                me.update_layout(layout)

    def resend(self) -> None:
        """Send everything once more, in case the page lost an update."""
        with self._drawing:
            self.send_state(["_widget_data", "_widget_layout"])
            self.send({"kind": "current"})

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """What a page is told; the figure's data are those of now, not of its making."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if "_layout_obj" not in vars(self):  # still being made
            return state
        now = {"_widget_data": self._data, "_widget_layout": self._layout_obj._props}
        for name in now.keys() & state.keys():
            serialize = self.trait_metadata(name, "to_json", self._trait_to_json)
            state[name] = serialize(deepcopy(now[name]), self)
        return state

    def _pointed(self, change: Any) -> None:
        """A click on the page; traces come and go, so that none of them listens by itself."""
        told = change["new"]
        if self._on_click is None or not told or told["event_type"] != "plotly_click":
            return
        me: Any = self
        at = told["points"]
        for trace, point in zip(at["trace_indexes"], at["point_indexes"], strict=True):
            data = me.data[trace].customdata if trace < len(me.data) else None
            if data is not None and point < len(data):
                self._on_click(data[point])
                return

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("kind") == "ready":
            self.resend()


def _kind(trace: Any) -> tuple[str, str | None]:
    return trace.type, trace.name


def _numbers(trace: Any) -> dict[str, Any]:
    """A trace's values without its identity, which stays that of the one on the page."""
    values: dict[str, Any] = trace.to_plotly_json()
    return {name: _light(value) for name, value in values.items() if name not in ("type", "uid")}


def _light(value: Any) -> Any:
    """Numbers in the half as long form; 64-bit integers would travel as text."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        narrow = {"int64": np.int32, "float64": np.float32}.get(str(value.dtype))
        return value if narrow is None else value.astype(narrow)
    return value
