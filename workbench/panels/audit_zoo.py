"""The bug zoo: every bug audited in a row, and which tests caught it."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import traitlets as T

from workbench.auditing.zoo.catalogue import BUGS
from workbench.figures.audit_page import CAUGHT
from workbench.figures.audit_zoo import FAMILIES, ZooRow, zoo_numbers
from workbench.panels.audit_model import AuditModel
from workbench.panels.parts.controls import PushButton
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement, Table

COLUMNS: Final = ("bug", *FAMILIES)
TABLE_PX: Final = 300
INVITE: Final = (
    f"{len(BUGS)} mistakes that people really make, each planted into a real training and audited "
    "at small size, after the correct code. Choose a row to break it yourself."
)


class ZooView(W.VBox):
    """A button that runs the zoo, and the table that fills while it does.

    Attributes:
        awake: whether anybody looks; this view is always ready.
    """

    awake = T.Bool(True)

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self._bugs: list[str] = []
        self.button = PushButton("Run the whole zoo", model.guard(model.tour))
        self.words = Statement(INVITE)
        self.table = Table(COLUMNS, caption="bugs and tests", on_pick=model.guard(self._picked))
        self.table.layout.max_height, self.table.layout.overflow = f"{TABLE_PX}px", "hidden auto"
        head = W.HBox([self.button, self.words])
        head.layout.grid_gap, head.layout.align_items = "12px", "center"
        self.button.layout.flex, self.words.layout.flex = "none", "1 1 0"
        super().__init__([head, self.table])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        model.observe(model.guard(self._draw), "zoo")
        model.observe(model.guard(self._rest), "status")
        self._draw()
        self._rest()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock, self.table.hold_sync():
            rows = zoo_numbers(self.model.zoo.values()).rows
            self._bugs = [row.bug for row in rows]
            self.table.rows = [zoo_cells(row) for row in rows]
            self.table.layout.display = "" if rows else "none"
            self.words.text = _counted(rows) or INVITE

    def _rest(self, _change: Any = None) -> None:
        self.button.disabled = self.model.status in BUSY

    def _picked(self, row: int) -> None:
        if 0 <= row < len(self._bugs) and self.model.status not in BUSY:
            name = self._bugs[row]
            self.model.set(bug=name if name in BUGS else None)


def zoo_cells(row: ZooRow) -> list[str]:
    """A bug and a mark for each family of tests; words where something is not as it should be."""
    title = row.title if row.right else f"{row.title} (missed)"
    return [title, *(CAUGHT if family in row.caught else "–" for family in FAMILIES)]


def _counted(rows: tuple[ZooRow, ...]) -> str:
    """How many were caught so far; a false alarm on the correct code is said, too."""
    bugs = [row for row in rows if row.bug in BUGS]
    if not bugs:
        return ""
    alarms = "" if all(row.right for row in rows if row.bug not in BUGS) else (
        " The correct code was called broken: that is a false alarm."
    )  # fmt: skip
    return f"{sum(row.right for row in bugs)} of {len(bugs)} bugs caught.{alarms}"
