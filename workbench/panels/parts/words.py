"""Parts that hold words: a sentence that matters, a folded section, a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import anywidget
import ipywidgets as W
import traitlets as T

from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.controls import Field

Tone = Literal["private", "open", "void", "quiet"]

_CSS = sheet("tokens", "controls")


class Statement(anywidget.AnyWidget):
    """One sentence, with a mark that says its tone without needing colour.

    Args:
        text: the sentence; nothing is shown while it is empty.
        tone: ``"private"`` (a guarantee holds), ``"open"`` (nothing is protected), ``"void"``
            (noise was added but guarantees nothing) or ``"quiet"`` (help).
    """

    _esm = script("dom", "statement")
    _css = _CSS
    text = T.Unicode().tag(sync=True)
    tone = T.Enum(["private", "open", "void", "quiet"], "quiet").tag(sync=True)

    def __init__(self, text: str = "", tone: Tone = "quiet") -> None:
        super().__init__(text=text, tone=tone)


class Table(anywidget.AnyWidget):
    """Rows of words and numbers, already written as a person would read them.

    Args:
        columns: names of the columns, with units.
        rows: one list of words per row, as long as ``columns``.
        caption: what the table is about.
    """

    _esm = script("dom", "table")
    _css = _CSS
    caption = T.Unicode().tag(sync=True)
    columns = T.List(T.Unicode()).tag(sync=True)
    rows = T.List(T.List(T.Unicode())).tag(sync=True)
    chosen = T.Int(-1).tag(sync=True)

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]] = (),
        *,
        caption: str = "",
    ) -> None:
        super().__init__(
            columns=list(columns), rows=[list(cells) for cells in rows], caption=caption
        )


class _MoreHead(anywidget.AnyWidget):
    _esm = script("dom", "more")
    _css = _CSS
    label = T.Unicode().tag(sync=True)
    unfolded = T.Bool(False).tag(sync=True)


class More(W.VBox):
    """A section that is folded away until someone asks for it, or something in it is wrong.

    Args:
        children: what lies inside.
        label: the words to unfold it by.
    """

    def __init__(self, children: Sequence[W.Widget], label: str = "More") -> None:
        self.head = _MoreHead(label=label)
        self.head.add_class("wb-more-head")
        self.body = W.VBox(list(children))
        self.body.add_class("wb-more-body")
        super().__init__([self.head, self.body])
        self.add_class("wb-more")
        for child in children:
            if isinstance(child, Field):
                child.observe(self._unfold, "error")

    def _unfold(self, change: Any) -> None:
        if change["new"]:
            self.head.unfolded = True
