"""Reconstruction: the bound of the claim, and how often an attacker names the right slice."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import traitlets as T

from workbench.auditing.robustness.config import MatchingConfig
from workbench.errors import BadInput
from workbench.figures.audit_rero import ReroNumbers, draw_rero, rero_bound, rero_numbers
from workbench.panels.audit_ethics import FALSIFIED
from workbench.panels.audit_model import AuditModel
from workbench.panels.parts.controls import PushButton
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement

FIGURE_PX: Final = 316
WORDS_PX: Final = 316
INVITE: Final = (
    f"The line is the most that anybody can do if the claim holds. The attack trains "
    f"{MatchingConfig.trials} times through the engine on the left, unbroken and with its noise, "
    f"rate and steps; each time one of {MatchingConfig.candidates} slices takes part, and an "
    "attacker who knows all other records and saw every noisy step names it."
)


class ReconstructionView(W.VBox):
    """A button that runs the attack, its figure, and what it means.

    Attributes:
        awake: whether anybody looks; what nobody sees is not reckoned.
    """

    awake = T.Bool(False)

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self.reckoning = Latest("reconstruction bound")
        self.curve: LiveFigure | None = None
        self.button = PushButton("Run the attack", model.guard(model.match))
        self.words = Statement(INVITE)
        self.left = W.VBox([])
        self.left.layout.flex, self.left.layout.min_width = "1 1 0", "0"
        self.right = W.VBox([self.button, self.words])
        self.right.layout.flex, self.right.layout.overflow = f"0 0 {WORDS_PX}px", "hidden auto"
        self.right.layout.max_height, self.right.layout.grid_gap = f"{FIGURE_PX + 20}px", "8px"
        row = W.HBox([self.left, self.right])
        row.layout.grid_gap = "12px"
        super().__init__([row])
        seen = ["noise_multiplier", "sample_rate", "steps", "result", "matched"]
        model.observe(model.guard(self._ask), seen)
        model.observe(model.guard(self._rest), "status")
        self.observe(model.guard(self._ask), "awake")
        self._rest()

    def _ask(self, _change: Any = None) -> None:
        if self.awake:
            self.reckoning.ask(self.model.guard(self._reckon))

    def _rest(self, _change: Any = None) -> None:
        self.button.disabled = self.model.status in BUSY

    def _reckon(self) -> None:
        with self.model.lock:
            result = self.model.matched_here
            try:
                claim, falsified = self.model.config().claim, self.model.falsified
            except BadInput:
                return  # stands under its control
            numbers = rero_numbers(result, self.model.matched_arrays) if result else None
        if numbers is None and not falsified:
            numbers = rero_bound([claim.mechanism])  # takes a part of a second: without the lock
        if not self.reckoning.superseded:
            self._show(numbers, result, falsified)

    def _show(
        self, numbers: ReroNumbers | None, result: dict[str, Any] | None, falsified: bool
    ) -> None:
        figure = draw_rero(numbers, height=FIGURE_PX)
        with self.model.lock:
            if self.curve is None:
                self.curve = LiveFigure(figure, name="right guesses over blind guesses")
                self.left.children = [boxed(self.curve)]
            self.curve.show_figure(figure)
            self._tell(result, falsified)

    def _tell(self, result: dict[str, Any] | None, falsified: bool) -> None:
        """The attack in words, or what it would be."""
        with self.words.hold_sync():
            broken = result is not None and bool(result["caught_by"])
            self.words.tone = "void" if broken else "quiet"
            words = [*([FALSIFIED] if falsified else []), INVITE]
            if result is not None:
                words = [f"{str(result['verdict']).capitalize()}.", *result["words"]]
            self.words.text = " ".join(words)
