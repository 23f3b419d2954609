"""Parts that hold words: a sentence that matters, a folded section, a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        on_pick: told the number of a row that was chosen by mouse or keyboard; wrap it in the
            model's ``guard``. Without it rows cannot be chosen.
    """

    _esm = script("dom", "table")
    _css = _CSS
    caption = T.Unicode().tag(sync=True)
    columns = T.List(T.Unicode()).tag(sync=True)
    rows = T.List(T.List(T.Unicode())).tag(sync=True)
    chosen = T.Int(-1).tag(sync=True)
    pickable = T.Bool(False).tag(sync=True)

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]] = (),
        *,
        caption: str = "",
        on_pick: Callable[[int], object] | None = None,
    ) -> None:
        super().__init__(
            columns=list(columns),
            rows=[list(cells) for cells in rows],
            caption=caption,
            pickable=on_pick is not None,
        )
        self.on_pick = on_pick
        self.on_msg(self._heard)

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        row = content.get("row")
        if content.get("kind") == "pick" and self.on_pick is not None and isinstance(row, int):
            self.on_pick(row)


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
