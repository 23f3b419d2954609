"""An opened run of the study: what it sees of three patients, beside the runs at other budgets."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import numpy as np

from workbench.exploring.events import Explored
from workbench.exploring.shown import Shown, at_most, one_for_each_budget, shown_by
from workbench.figures.fading import FadingNumbers, fading_numbers
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_opened_words import (
    attack_label,
    column_heads,
    columns_words,
    opened_rows,
    tone_of,
)
from workbench.panels.parts.controls import PushButton
from workbench.panels.parts.picture_grid import PictureGrid
from workbench.panels.parts.words import Statement, Table
from workbench.runs.record import RunRecord

PICTURE_PX: Final = 78
SIDE_PX: Final = 272
MOST_COLUMNS: Final = 7
CHOOSE: Final = (
    "Choose a point of the frontier, or a column here, to open its training. No network was "
    "trained on these patients."
)


class OpenedRun(W.VBox):
    """Predictions and reasons for the same patients at every epsilon, and the opened run's facts.

    Follows ``selected``, the run that a person opened, and sets it when they choose a column.
    Nothing is computed: every finished run has left its pictures in the store.

    Args:
        model: of the panel; its ``send_to_attack`` is called with the id of the opened run.
    """

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        self._seen: dict[str, Shown | None] = {}
        self._columns: tuple[str, ...] = ()
        self.grid = PictureGrid("three patients at every epsilon", size_px=PICTURE_PX)
        self.facts = Table(["Run", ""])
        self.guarantee, self.columns = Statement(), Statement()
        self.attack = PushButton(
            "Attack at this noise", model.guard(self._send),
            help="Choose this run's noise and clipping norm in the Attack panel",
        )  # fmt: skip
        self.sent = Statement()
        left = W.VBox([self.grid, self.columns])
        left.layout.flex, left.layout.min_width, left.layout.grid_gap = "1 1 0", "0", "4px"
        right = W.VBox([self.facts, self.guarantee, self.attack, self.sent])
        right.layout.flex, right.layout.grid_gap = f"0 0 {SIDE_PX}px", "8px"
        super().__init__([W.HBox([left, right])])
        self.children[0].layout.grid_gap = "16px"
        self.grid.observe(model.guard(self._chosen), "chosen")
        model.observe(model.guard(self._draw), ["explored", "beside", "selected"])
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock:
            opened = self._opened
            self._draw_pictures(opened)
            self._draw_facts(opened)

    @property
    def _opened(self) -> Explored | None:
        return self.model.shown.get(self.model.selected)

    def _draw_pictures(self, opened: Explored | None) -> None:
        found = self.model.study_of(self.model.selected).values()
        every = one_for_each_budget(found, opened.run if opened else "")
        few = at_most(every, MOST_COLUMNS, opened.run if opened else "")
        shown = [one for run in few if (one := self._shown(run)) is not None]
        numbers = fading_numbers(shown) if shown else None
        self._show(numbers, opened)
        self.columns.text = columns_words(numbers, opened, every=len(every), asked=len(few))

    def _show(self, numbers: FadingNumbers | None, opened: Explored | None) -> None:
        with self.grid.hold_sync():
            self._columns = numbers.runs if numbers else ()
            if numbers is None:
                self.grid.clear()
                self.grid.chosen = -1
                return
            heads = column_heads(numbers)
            self.grid.show(numbers.images, heads, numbers.patients, numbers.words)
            self._lay_over(numbers)
            mine = [at for at, run in enumerate(numbers.runs) if opened and run == opened.run]
            self.grid.chosen = mine[0] if mine else -1

    def _lay_over(self, numbers: FadingNumbers) -> None:
        masks = _flat(numbers.masks)
        # As shares of 1: bytes that are all small would be taken for classes.
        self.grid.show_masks(None if masks is None else masks / 255, "what it outlines")
        self.grid.show_outlines(_flat(numbers.outlines), "true outline")
        self.grid.show_attributions(_flat(numbers.attributions), "what it looked at")
        if masks is None and self.grid.overlay == "mask":
            self.grid.overlay = "attribution"

    def _draw_facts(self, opened: Explored | None) -> None:
        there = "" if opened else "none"
        for part in (self.facts, self.attack):
            part.layout.display = there
        self.sent.text = "" if opened or not self.model.explored else CHOOSE
        self.guarantee.text = opened.guarantee if opened else ""
        if opened is None:
            return
        record: RunRecord = self.model.store.record(opened.run)
        with self.facts.hold_sync():
            self.facts.columns = ["Run", f"…{opened.run[-6:]}"]
            self.facts.rows = opened_rows(opened, record)
        self.guarantee.tone = tone_of(record)
        self.attack.label = attack_label(opened)

    def _shown(self, run: Explored) -> Shown | None:
        """What a run left behind, read once: finished runs do not change."""
        if run.run not in self._seen:
            self._seen[run.run] = shown_by(run, self.model.store)
        return self._seen[run.run]

    def _chosen(self, change: Any) -> None:
        """A column was chosen on the page."""
        if 0 <= change["new"] < len(self._columns):
            self.model.selected = self._columns[change["new"]]

    def _send(self) -> None:
        if self._opened is not None:
            self.model.send_to_attack(self._opened.run)
            self.sent.text = self.model.sent


def _flat(stack: np.ndarray | None) -> np.ndarray | None:
    """Rows and columns of pictures as one stack."""
    return None if stack is None else stack.reshape(-1, *stack.shape[2:])
