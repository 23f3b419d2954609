"""What looking at the study costs, reckoned in the background whenever a run has finished."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import traitlets as T

from workbench.accounting.selection.selection import CONDITIONS
from workbench.errors import BadInput
from workbench.exploring.price import LEDGER, Price
from workbench.exploring.study_price import ADVICE, drawn, price_of_study
from workbench.figures.price import draw_price, price_numbers
from workbench.panels.explore_model import ExploreModel
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import More, Statement, Table

FIGURE_PX: Final = 250
WORDS_PX: Final = 268
DRAWN: Final = "The patients are drawn; the bars say what looking would have cost real ones."
NOT_HERE: Final = (
    "Of this study they do not hold: its number of runs was chosen, and every run was shown. Its "
    "price is that of all runs."
)
NO_PRICE: Final = "No finished run of this study protects anybody, so there is no price to name."

FAILED: Final = "The price could not be reckoned."


class LookingPrice(W.VBox):
    """One run, all runs, or only the winner: bars, what they rest on, and what to do instead.

    What is shown always belongs to the finished runs of this moment; while their price is
    reckoned, nothing is shown.

    Args:
        model: of the panel.

    Attributes:
        awake: whether prices are reckoned at all; switch it off while nobody can see them, such
            as in a folded section.
    """

    awake = T.Bool(True)

    def __init__(self, model: ExploreModel, *, awake: bool = True) -> None:
        self.model = model
        self.reckoning = Latest("price of looking")
        self._runs: frozenset[str] = frozenset()
        self.figure: LiveFigure | None = None
        self.place = W.VBox([])
        self.place.layout.flex, self.place.layout.min_width = "1 1 0", "0"
        self.lead, self.worth, self.patients = Statement(), Statement(), Statement()
        self.ledger, self.not_here = Statement(LEDGER), Statement(NOT_HERE)
        rows = [[f"{at}", said] for at, said in enumerate(CONDITIONS, 1)]
        self.conditions = Table(["", "The hatched prices hold only if"], rows)
        self.statements = Table(["what is shown", "the whole statement"])
        self.folds = [
            More([self.conditions, self.not_here], "When only the winner is paid for"),
            More([self.statements], "The statements in full"),
        ]
        beside = W.VBox([self.lead, self.worth, self.patients, self.ledger])
        beside.layout.flex, beside.layout.grid_gap = f"0 0 {WORDS_PX}px", "8px"
        self.top = W.HBox([self.place, beside])
        self.top.layout.grid_gap = "16px"
        self.state = Statement()
        super().__init__([self.state, self.top, *self.folds], awake=awake)
        self.layout.grid_gap = "6px"
        model.observe(model.guard(self._ask), "explored")
        self.observe(model.guard(self._ask), "awake")
        self._show(None, "")
        self._ask()

    def _ask(self, _change: Any = None) -> None:
        with self.model.lock:
            runs = frozenset(self.model.explored)
            if not self.awake or runs == self._runs:
                return
            self._runs = runs
            self._show(None, _reckoning(len(runs)) if runs else "")
            if runs:
                self.reckoning.ask(self.model.guard(lambda: self._reckon(runs)))

    def _reckon(self, runs: frozenset[str]) -> None:
        found, said = None, FAILED
        try:
            found = price_of_study(runs, self.model.store, self.model.ledger)
            said = "" if found is not None and found.runs else NO_PRICE
        except BadInput as error:
            said = error.message
        finally:
            with self.model.lock:
                if runs == self._runs:
                    self._show(found, said)

    def _show(self, price: Price | None, said: str) -> None:
        self.state.text = said
        known = price is not None and bool(price.runs)
        for part in (self.top, *self.folds):
            part.layout.display = "" if known else "none"
        if price is None or not known:
            return
        self.lead.text = DRAWN if drawn(self.model.data) else ADVICE
        self.worth.text, self.patients.text = price.worth, price.for_patients
        for part in (self.worth, self.patients):
            part.layout.display = "" if part.text else "none"
        self.statements.rows = [
            ["one run", str(price.one_guarantee)],
            ["all runs", str(price.all_guarantee)],
            *(["only the winner", str(winner.guarantee)] for winner in price.winners),
        ]
        self._draw(price)

    def _draw(self, price: Price) -> None:
        figure = draw_price(price_numbers(price), height=FIGURE_PX)
        if self.figure is None:
            self.figure = LiveFigure(figure, name="epsilon by what is shown of the study")
            self.place.children = [boxed(self.figure)]
        self.figure.show_figure(figure)


def _reckoning(count: int) -> str:
    runs = "1 run" if count == 1 else f"{count} runs"
    return f"Reckoning what looking at {runs} costs …"
