"""Views of one audit: the ladder with the probes, the trade-off curve, the two laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go
import traitlets as T

from workbench.figures.audit_ladder import draw_ladder, ladder_numbers
from workbench.figures.audit_laws import draw_laws, laws_numbers
from workbench.figures.audit_trade_off import draw_trade_off, trade_off_numbers
from workbench.panels.audit_model import AuditModel
from workbench.panels.audit_words import TEST_COLUMNS, finding_rows
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement, Table

FIGURE_PX: Final = 340
WAITING: Final = "Probes appear here one after another while an audit runs."
P_WORDS: Final = (
    "p is how likely a correct implementation shows as much or more. One small p among many is "
    "chance; the verdict takes all tests together."
)


class VerdictView(W.VBox):
    """The probes while an audit runs, the ladder once it is over.

    Attributes:
        awake: whether anybody looks; a figure that is drawn where it cannot be seen has no size.
    """

    awake = T.Bool(True)

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self.ladder: LiveFigure | None = None
        self.probes, self.box = ProbesView(model), W.VBox()
        super().__init__([self.probes])
        self.layout.overflow = "visible"
        model.observe(model.guard(self._draw), "result")
        self.observe(model.guard(self._draw), "awake")

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock:
            result = self.model.result
            if result is None:
                self.children = [self.probes]
            elif self.awake:
                figure = draw_ladder(ladder_numbers(result), height=FIGURE_PX)
                if self.ladder is None:
                    self.ladder = LiveFigure(figure, name="what each test has shown, as bars")
                    self.box.children = [boxed(self.ladder)]
                self.ladder.show_figure(figure)
                self.children = [self.box]


class ProbesView(W.VBox):
    """Every probe with its sentence.

    Attributes:
        awake: whether anybody looks; this view is always ready.
    """

    awake = T.Bool(True)

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self.tests, self.words = Table(TEST_COLUMNS, caption="probes and findings"), Statement()
        super().__init__([self.words, self.tests])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        model.observe(model.guard(self._list), ["probes", "status"])
        self._list()

    def _list(self, _change: Any = None) -> None:
        with self.model.lock, self.tests.hold_sync():
            model = self.model
            self.tests.rows = finding_rows(model.probes, over=model.status not in BUSY)
            self.tests.layout.display = "" if model.probes else "none"
            self.words.text = P_WORDS if model.probes else WAITING


class FigureView(W.VBox):
    """One figure of a finished audit and a sentence about it.

    Args:
        model: of the panel.
        draw: the figure of its result; of none, the empty figure.
        name: what screen readers call the figure.
        words: the sentence.

    Attributes:
        awake: whether anybody looks; a figure that is drawn where it cannot be seen has no size.
    """

    awake = T.Bool(False)

    def __init__(
        self, model: AuditModel, draw: Callable[[AuditModel], go.Figure], *, name: str, words: str
    ) -> None:
        self.model, self._figure, self._name = model, draw, name
        self.curve: LiveFigure | None = None
        self.words = Statement(words)
        super().__init__([self.words])
        self.layout.grid_gap = "6px"
        model.observe(model.guard(self._draw), "result")
        self.observe(model.guard(self._draw), "awake")

    def _draw(self, _change: Any = None) -> None:
        if not self.awake:
            return
        with self.model.lock:
            figure = self._figure(self.model)
            if self.curve is None:
                self.curve = LiveFigure(figure, name=self._name)
                self.children = [self.words, boxed(self.curve)]
            self.curve.show_figure(figure)


def trade_off_view(model: AuditModel) -> FigureView:
    """The claim's curve and the audit's operating points."""

    def draw(model: AuditModel) -> go.Figure:
        numbers = None if model.result is None else trade_off_numbers(model.arrays)
        return draw_trade_off(numbers, height=FIGURE_PX - 40)

    return FigureView(
        model, draw, name="false alarms against misses",
        words="No test lies under the curve if the claim holds. A rectangle is what is certain "
        "about a point, since only so many canaries were counted.",
    )  # fmt: skip


def laws_view(model: AuditModel) -> FigureView:
    """The noise against the normal law, the draws against the binomial law."""

    def draw(model: AuditModel) -> go.Figure:
        result = model.result
        numbers = None if result is None else laws_numbers(result, model.arrays)
        return draw_laws(numbers, height=FIGURE_PX - 40)

    return FigureView(
        model, draw, name="histograms of the noise and of the units drawn in a step",
        words="Left, coordinates that no record moves hold noise alone. Right, a Poisson sampler "
        "draws a different number of units in every step; a shuffle does not.",
    )  # fmt: skip
