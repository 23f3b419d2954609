"""The foot of every panel: start, pause, stop; how far it is; what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets as T

from workbench.panels.parts.assets import script, sheet
from workbench.panels.parts.states import BUSY, STATES


class RunBar(anywidget.AnyWidget):
    """Buttons, progress and messages, drawn from the state alone.

    Args:
        on: what to call for ``"start"``, ``"pause"``, ``"go_on"`` and ``"stop"``.
        start_label: words on the first button (``"Train"``).
        again_label: words on it after a run; ``start_label`` where empty.
        pausable: whether there is a pause button.
    """

    _esm = script("dom", "run_bar")
    _css = sheet("tokens", "controls", "run_bar")
    status = T.Enum(STATES, "idle").tag(sync=True)
    done = T.Float(0.0).tag(sync=True)
    total = T.Float(0.0).tag(sync=True)
    doing = T.Unicode().tag(sync=True)
    elapsed_s = T.Float(0.0).tag(sync=True)
    clock_at = T.Float(0.0).tag(sync=True)
    left_s = T.Float(-1.0).tag(sync=True)
    message = T.Unicode().tag(sync=True)
    details = T.Unicode().tag(sync=True)
    start_label = T.Unicode("Start").tag(sync=True)
    again_label = T.Unicode("Start again").tag(sync=True)
    blocked = T.Bool(False).tag(sync=True)
    pausable = T.Bool(True).tag(sync=True)

    def __init__(
        self,
        on: dict[str, Callable[[], None]] | None = None,
        *,
        start_label: str = "Start",
        again_label: str = "",
        pausable: bool = True,
    ) -> None:
        super().__init__(
            start_label=start_label, again_label=again_label or start_label, pausable=pausable
        )
        self._on = dict(on or {})
        self.on_msg(self._heard)

    def enabled(self, button: str) -> bool:
        """Whether ``"start"``, ``"pause"``, ``"go_on"`` or ``"stop"`` may be pressed now."""
        return {
            "start": self.status not in BUSY and not self.blocked,
            "pause": self.status == "running" and self.pausable,
            "go_on": self.status == "paused" and self.pausable,
            "stop": self.status in BUSY,
        }[button]

    def press(self, button: str) -> None:
        """Do what a click on that button does; nothing while it is off."""
        if self.enabled(button) and button in self._on:
            self._on[button]()

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        # A click may cross a change of state on its way; the state decides.
        if content.get("kind") in ("start", "pause", "go_on", "stop"):
            self.press(content["kind"])
