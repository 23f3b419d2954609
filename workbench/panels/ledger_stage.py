"""The stage of the ledger: epsilon run by run, the runs in a table, other accountants folded."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go

from workbench.figures.ledger import draw_ledger, ledger_numbers
from workbench.panels.ledger_accountants import OtherAccountants
from workbench.panels.ledger_model import LedgerModel
from workbench.panels.ledger_words import COLUMNS, run_rows
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import Table

FIGURE_PX: Final = 226
TABLE_PX: Final = 164


class LedgerStage(W.VBox):
    """What a person sees of an account.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: LedgerModel) -> None:
        self.model = model
        self.curve = LiveFigure(self._figure(), name="epsilon of all runs")
        self.runs = Table(COLUMNS)
        self.runs.layout.height = f"{TABLE_PX}px"
        self.accountants = OtherAccountants(model)
        super().__init__([boxed(self.curve), self.runs, self.accountants])
        self.layout.grid_gap = "10px"
        model.observe(model.guard(self._draw), ["points", "account", "outlook", "state"])
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock, self.runs.hold_sync():
            self.curve.show_figure(self._figure())
            self.runs.rows = run_rows(self.model.points)
        self.runs.layout.display = "" if self.model.points else "none"

    def _figure(self) -> go.Figure:
        model = self.model
        numbers = ledger_numbers(model.points, model.account, model.outlook)
        return draw_ledger(numbers, height=FIGURE_PX)
