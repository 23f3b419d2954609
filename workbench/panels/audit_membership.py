"""Attacks on the membership of finished models, as far as somebody has made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ipywidgets as W
import traitlets as T

from workbench.figures.audit_membership_page import rate_words
from workbench.figures.audit_roc import draw_roc, roc_numbers
from workbench.panels.audit_model import AuditModel
from workbench.panels.parts.controls import Choice
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import Statement, Table
from workbench.runs.record import RunRecord

KIND: Final = "membership"
FIGURE_PX: Final = 316
WORDS_PX: Final = 316
COLUMNS: Final = ("attack", "AUC", "found, 1 %", "0.1 %", "ε ≥")
NONE_YET: Final = (
    "No finished model has been attacked here yet. An attack trains references on complementary "
    "halves of the patients, which takes longer than an audit: python -m workbench audit "
    "membership --help says how. A failed attack proves nothing about privacy."
)


class MembershipView(W.VBox):
    """A choice of reports, the ROC curves of one, and its figures in a table.

    Attributes:
        awake: whether anybody looks; what nobody sees is not reckoned.
    """

    awake = T.Bool(False)

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self.reckoning = Latest("membership")
        self.report = Choice("Report", {"": "none yet"})
        self.curve: LiveFigure | None = None
        self.table, self.words = Table(COLUMNS), Statement(NONE_YET)
        self.left = W.VBox([])
        self.left.layout.flex, self.left.layout.min_width = "1 1 0", "0"
        self.right = W.VBox([self.report, self.table, self.words])
        self.right.layout.flex, self.right.layout.overflow = f"0 0 {WORDS_PX}px", "hidden auto"
        self.right.layout.max_height, self.right.layout.grid_gap = f"{FIGURE_PX + 20}px", "8px"
        self.row = W.HBox([self.left, self.right])
        self.row.layout.grid_gap = "12px"
        super().__init__([self.words])
        self.observe(model.guard(self._look), "awake")
        self.report.observe(model.guard(self._ask), "value")

    def _look(self, _change: Any = None) -> None:
        if not self.awake:
            return
        found = {one.id: _name(one) for one in self._finished()}
        if found:
            self.children = [self.row]
            self.report.offer(found)
            self._ask()
        else:
            self.children = [self.words]

    def _finished(self) -> list[RunRecord]:
        records = self.model.store.list(KIND)[::-1]
        return [one for one in records if one.status == "finished" and one.result]

    def _ask(self, _change: Any = None) -> None:
        run = self.report.value
        if run:
            self.reckoning.ask(self.model.guard(lambda: self._show(run)))

    def _show(self, run: str) -> None:
        store = self.model.store
        result = store.record(run).result or {}
        figure = draw_roc(roc_numbers(result, store.arrays(run)), height=FIGURE_PX)
        with self.model.lock:
            if self.curve is None:
                self.curve = LiveFigure(figure, name="share of members found over false positives")
                self.left.children = [boxed(self.curve)]
            self.curve.show_figure(figure)
            self.table.rows = membership_rows(result)
            self.words.text = " ".join(result["words"])


def membership_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """One row for each attack; what is not reliable stands in brackets."""
    rows = []
    for one in result["attacks"].values():
        rates = {rate["at"]: rate for rate in one["rates"]}
        cells = [f"{one['auc']['value']:.2f}", rate_words(rates[0.01]), rate_words(rates[0.001])]
        rows.append([one["label"], *cells, f"{one['epsilon_steinke']:.2f}"])
    return rows


def _name(record: RunRecord) -> str:
    result = record.result or {}
    target = str(result.get("target", record.id)).rpartition("-")[2]
    return f"on training {target}, {record.created.strftime('%d %b %H:%M')}"
