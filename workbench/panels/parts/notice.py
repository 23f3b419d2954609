"""The place in the foot where a panel without a run says what went wrong, or what it has done."""

from __future__ import annotations

import anywidget
import traitlets as T

from workbench.panels.parts.assets import script, sheet


class Notice(anywidget.AnyWidget):
    """A sentence that is read out when it appears; nothing is shown while both are empty.

    Attributes:
        message: what went wrong; said at once.
        details: more about it.
        done: what was done, said when nothing is wrong.
    """

    _esm = script("dom", "notice")
    _css = sheet("tokens", "controls", "run_bar", "notice")
    message = T.Unicode().tag(sync=True)
    details = T.Unicode().tag(sync=True)
    done = T.Unicode().tag(sync=True)
