"""The next run as other accountants see it, folded away until someone asks."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Final

from workbench.accounting.curve import EpsilonCurves, epsilon_curves
from workbench.accounting.ledger.plans import Planned
from workbench.figures.accountants import accountant_numbers, draw_accountants
from workbench.panels.ledger_model import LedgerModel
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import More, Statement

FIGURE_PX: Final = 260
_AT_ONCE: Final = ("pld", "gdp")
"""These need no torch; the others come from Opacus, which does."""

_WORKING: Final = "The other accountants are being asked; that takes a few seconds."
_ALONE: Final = "The next run alone. The ledger adds runs up by PLD."


class OtherAccountants(More):
    """Curves of epsilon over the steps of the next run.

    Args:
        model: whose planned run is drawn.
    """

    def __init__(self, model: LedgerModel) -> None:
        super().__init__([], label="The next run by other accountants")
        self.model = model
        self.line = Statement()
        # Made when it is first seen: a figure that is born hidden does not know its width.
        self.figure: LiveFigure | None = None
        self.asking = Latest("accountants")
        self.head.observe(model.guard(self._ask), "unfolded")
        model.observe(model.guard(self._ask), "planned")

    def _ask(self, _change: Any = None) -> None:
        planned = self.model.planned
        if not self.head.unfolded or planned is None:
            return
        if planned.why:
            self.line.text = f"The next run protects nobody ({planned.why})."
            return
        if self.figure is None:
            empty = accountant_numbers({}, delta=planned.delta, unit=planned.unit)
            figure = draw_accountants(empty, height=FIGURE_PX)
            self.figure = LiveFigure(figure, name="epsilon by other accountants")
            self.body.children = [boxed(self.figure), self.line]
        self.asking.ask(self.model.guard(lambda: self._compute(planned)))

    def _compute(self, planned: Planned) -> None:
        plan = (planned.noise_multiplier, planned.sample_rate, planned.steps, planned.delta)
        first = epsilon_curves(*plan, accountants=_AT_ONCE)
        self._show(first, planned, _WORKING)
        if not self.asking.superseded:
            self._show(_in_another_process(plan) or first, planned, _ALONE)

    def _show(self, found: EpsilonCurves, planned: Planned, words: str) -> None:
        if self.asking.superseded or self.figure is None:
            return
        numbers = accountant_numbers(found.curves, delta=found.delta, unit=planned.unit)
        self.figure.show_figure(draw_accountants(numbers, height=FIGURE_PX))
        self.line.text = " ".join([words, *found.missing.values()])


def _in_another_process(plan: tuple[float, float, int, float]) -> EpsilonCurves | None:
    """All of them; loading torch into the notebook would make everybody wait for it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(epsilon_curves, *plan).result()
        except BrokenProcessPool:
            return None  # an interrupt of the kernel ends this process too
