"""How many patients it would take, from a study that was measured; folded away until asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from workbench.errors import BadInput
from workbench.figures.patients_needed import draw_needed, needed_numbers
from workbench.panels.parts.controls import Choice, NumberField
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import More, Statement
from workbench.panels.planner_model import PlannerModel
from workbench.runs.store import Store

if TYPE_CHECKING:
    from workbench.exploring.config import ExploreConfig
    from workbench.exploring.patients_needed import PatientsNeeded

FIGURE_PX: Final = 280
NOTHING_YET: Final = (
    "No study in this workspace varies the number of patients. Such a one begins with: workbench "
    "explore --axis patients=50,100,200,400 --epsilons 3,inf --seeds 3"
)
_NONE: Final = {"": "none yet"}
_NEAR: Final = 3.0
"""Of a study's budgets the nearest one is asked about first."""


class PatientsFold(More):
    """The gap between private and non-private runs, carried on to more patients.

    Args:
        model: whose guard shows what goes wrong; the plan itself is not asked for.
    """

    def __init__(self, model: PlannerModel) -> None:
        self.study = Choice("Study", _NONE)
        self.epsilon = Choice("At epsilon", _NONE)
        self.within = NumberField(
            "Within", 0.02, 1e-4, 1e3, slider=False, help="of the score without privacy"
        )
        self.said, self.trust = Statement(), Statement()
        # Made when it is first seen: a figure that is born hidden does not know its width.
        self.figure: LiveFigure | None = None
        self.asking = Latest("patients needed")
        self._configs: dict[str, ExploreConfig] = {}
        self.row = W.HBox([self.study, self.epsilon, self.within])
        self.row.layout.grid_gap = "12px"
        super().__init__([], label="How many patients?")
        self.model = model
        self.head.observe(model.guard(self._look), "unfolded")
        self.study.observe(model.guard(self._ask), "value")
        self.epsilon.observe(model.guard(self._ask), "value")
        self.within.observe(model.guard(self._ask), "value")

    def _look(self, _change: Any = None) -> None:
        """Studies may have been begun or gone on with since it was last unfolded."""
        if not self.head.unfolded:
            return
        if self.figure is None:
            empty = draw_needed(None, height=FIGURE_PX)
            self.figure = LiveFigure(empty, name="what privacy takes over the number of patients")
            self.body.children = [self.row, boxed(self.figure), self.said, self.trust]
        self.asking.ask(self.model.guard(self._list_and_answer))

    def _ask(self, _change: Any = None) -> None:
        if self.head.unfolded:
            self.asking.ask(self.model.guard(self._answer))

    def _list_and_answer(self) -> None:
        # What studies are made of takes seconds to import, which the planner does not wait for.
        from workbench.exploring.patients_measured import studies_over_patients
        from workbench.panels.explore_beside import study_names

        self._configs = studies_over_patients(Store())
        self.study.offer(study_names(self._configs) if self._configs else _NONE)
        self._answer()

    def _answer(self) -> None:
        config = self._configs.get(self.study.value)
        if config is None:
            self._show(None, NOTHING_YET)
            return
        self._offer_budgets(config)
        try:
            found = self._found(config)
        except BadInput as error:
            self._show(None, error.message)
        else:
            self._show(found, *found.words)

    def _found(self, config: ExploreConfig) -> PatientsNeeded:
        from workbench.exploring.job import finished_before
        from workbench.exploring.patients_needed import patients_needed

        if not self.epsilon.value:
            raise BadInput("This study has no finite epsilon to ask about.", field="epsilon")
        explored = finished_before(config, Store())
        return patients_needed(
            explored, epsilon=float(self.epsilon.value), within=self.within.value
        )

    def _offer_budgets(self, config: ExploreConfig) -> None:
        budgets = [f"{epsilon:g}" for epsilon in config.epsilons if math.isfinite(epsilon)]
        if [name for name, _ in self.epsilon.options] == (budgets or list(_NONE)):
            return
        nearest = min(budgets, key=lambda budget: abs(float(budget) - _NEAR), default="")
        self.epsilon.offer(budgets or _NONE, nearest)

    def _show(self, found: PatientsNeeded | None, said: str, trust: str = "") -> None:
        if self.asking.superseded or self.figure is None:
            return
        numbers = None if found is None else needed_numbers(found)
        with self.model.lock:
            self.said.text, self.trust.text = said, trust
            self.figure.show_figure(draw_needed(numbers, height=FIGURE_PX))
