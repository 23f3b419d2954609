"""A question that is answered before its answer is shown, and that checks the answer itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ipywidgets as W

from workbench.panels.parts.controls import Choice, NumberField, PushButton
from workbench.panels.parts.notice import Notice

_NOT_YET = "Predict first; then compare."


@dataclass(frozen=True)
class Measured:
    """What was measured, and what an answer is held against.

    Attributes:
        scores: by name, in ``unit``.
        asked: ``"highest"`` or ``"lowest"`` asks for the name of that score; any name of
            ``scores`` asks for its number.
        within: scores no further apart than this count as equal, in ``unit``; > 0.
        unit: printed after a score.
    """

    scores: Mapping[str, float]
    asked: str
    within: float
    unit: str = "dB"

    @property
    def by_name(self) -> bool:
        """Whether a name is asked for, rather than a number."""
        return self.asked in ("highest", "lowest")

    def is_right(self, answer: str | float) -> bool:
        """Whether an answer is as good as the best one."""
        if isinstance(answer, str):
            return answer in self.scores and self._behind(answer) <= self.within
        return abs(answer - self.scores[self.asked]) <= self.within

    def told(self) -> str:
        """The measured answer, in words."""
        if not self.by_name:
            return f"{self.asked}: {self._number(self.asked)}"
        return ", ".join(f"{name} {self._number(name)}" for name in self.scores)

    def _behind(self, name: str) -> float:
        most = max if self.asked == "highest" else min
        return abs(most(self.scores.values()) - self.scores[name])

    def _number(self, name: str) -> str:
        return f"{self.scores[name]:.1f} {self.unit}" if self.unit else f"{self.scores[name]:.2f}"


class Exercise(W.VBox):
    """A question, a place for the answer, and what was measured once somebody has answered.

    Args:
        question: what is to be predicted.
        measured: the answer is held against it.
        hint: said after a wrong answer; it should lead to the reason, not name the answer.
        shown: HTML that appears once an answer was compared, such as the sheet of the attacks.
        greatest: of a number that is asked for, the right end of its slider.
    """

    def __init__(
        self, question: str, measured: Measured, *, hint: str, shown: str = "",
        greatest: float = 80.0,
    ) -> None:  # fmt: skip
        self.measured, self.hint, self._shown = measured, hint, shown
        if measured.by_name:
            options = {"": "choose ...", **{name: name for name in measured.scores}}
            self.answer: Choice | NumberField = Choice(question, options)
        else:
            self.answer = NumberField(
                question, 0.0, 0.0, greatest, unit=measured.unit, step=greatest / 80,
                help=f"right within {measured.within:g} {measured.unit}",
            )  # fmt: skip
        self.button = PushButton("Compare", self.compare, main=True)
        self.verdict = Notice()
        self.sheet = W.HTML()
        super().__init__([self.answer, self.button, self.verdict, self.sheet])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        self.answer.layout.max_width, self.button.layout.overflow = "32rem", "visible"
        self.answer.observe(lambda _change: self._take_back(), "value")

    def compare(self) -> None:
        """Hold the answer against what was measured, and show that."""
        answer = self.answer.value
        if answer == "":
            self.answer.error = _NOT_YET
            return
        self.sheet.value = self._shown
        told = f"Measured: {self.measured.told()}."
        if self.measured.is_right(answer):
            self.verdict.message, self.verdict.done = "", f"Right. {told}"
        else:
            self.verdict.message, self.verdict.done = f"Not quite. {told} {self.hint}", ""

    def _take_back(self) -> None:
        self.answer.error = self.verdict.message = self.verdict.done = ""
