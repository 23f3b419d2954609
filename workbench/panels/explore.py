"""The explore panel: what each epsilon costs in utility, by real trainings."""

from __future__ import annotations

import math
from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go

from workbench.figures.frontier import draw_frontier, frontier_numbers
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_words import (
    RUN_COLUMNS,
    WORKING_COLUMNS,
    run_rows,
    score_words,
    working_rows,
)
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import TextField
from workbench.panels.parts.frame import Frame, boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import More, Statement, Table
from workbench.panels.train_model import WORK
from workbench.panels.training_controls import (
    data_controls,
    mechanism_controls,
    model_control,
    number,
    optimisation_controls,
    task_control,
    unit_control,
)
from workbench.runs.jobs import warm

FIGURE_PX: Final = 336
LEGEND_PX: Final = 72


class ExplorePanel(Frame):
    """Choose a grid, press Explore, watch the curve fill.

    Args:
        name: panels of one name in one kernel show the same study, so that a cell that is run
            again, or a desk, shows what is under way.
        params: choices by name, as in ``TrainConfig`` and ``PrivacyConfig``; ``epsilons`` as text
            (``"1, 3, 8, inf"``) and ``seeds``.
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = ExploreModel.attach(name, **params)
        warm(WORK.partition(":")[0])
        super().__init__(
            "Explore", _choices(model), [ExploreStage(model)], model,
            start_label="Explore", again_label="Explore",
        )  # fmt: skip


class ExploreStage(W.HBox):
    """The curve with the runs at work under it, and the table of what is finished.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        self.curve = LiveFigure(self._figure(), name="utility over epsilon")
        self.working = Table(WORKING_COLUMNS)
        self.runs = Table(RUN_COLUMNS)
        self.hint = Statement("Every finished training becomes a point of the curve and a row.")
        left = W.VBox([boxed(self.curve), self.working])
        left.layout.flex, left.layout.min_width = "1 1 0", "0"
        right = W.VBox([self.runs, self.hint])
        right.layout.flex = "0 0 290px"
        super().__init__([left, right])
        self.layout.grid_gap = "16px"
        model.observe(model.guard(self._draw_found), ["explored", "budgets"])
        model.observe(model.guard(self._draw_working), "running")
        self._draw_found()
        self._draw_working()

    def _draw_found(self, _change: Any = None) -> None:
        with self.model.lock, self.runs.hold_sync():
            found = list(self.model.explored.values())
            self.curve.show_figure(self._figure())
            self.runs.columns = [
                score_words(found) if name == "score" else name for name in RUN_COLUMNS
            ]
            self.runs.rows = run_rows(found)
        self.runs.layout.display = "" if found else "none"
        self.hint.layout.display = "none" if found else ""

    def _draw_working(self, _change: Any = None) -> None:
        running = self.model.running
        self.working.rows = working_rows(running, {run: self.model.place(run) for run in running})
        self.working.layout.display = "" if running else "none"

    def _figure(self) -> go.Figure:
        """The curve on axes that are known before the first training is finished."""
        numbers = frontier_numbers(self.model.explored.values())
        figure = draw_frontier(numbers, height=FIGURE_PX)
        budgets = sorted({*self.model.budgets, *numbers.epsilons}) or [1.0]
        ends = [math.log10(budgets[0] / 1.7), math.log10(budgets[-1] * 1.7)]
        figure.update_xaxes(tickvals=budgets, ticktext=[f"{e:g}" for e in budgets], range=ends)
        figure.update_xaxes(minor={"showgrid": False})
        figure.update_yaxes(range=[0, 1.02])
        figure.update_layout(legend={"orientation": "v", "y": 1.0}, margin={"t": LEGEND_PX})
        return figure


def _choices(model: ExploreModel) -> list[W.Widget]:
    plan = Statement()

    def say(_change: Any = None) -> None:
        plan.text = model.plan

    say()
    model.observe(say, "plan")
    grid = TextField("Epsilons", placeholder="1, 3, 8, inf", help="inf trains without privacy")
    return [
        *data_controls(model),
        model_control(model),
        bind_field(grid, model, "epsilons"),
        number(model, "Seeds", "seeds", 1, 50, whole=True),
        number(model, "Steps", "steps", 1, 100_000, whole=True),
        plan,
        unit_control(model),
        number(model, "Delta", "delta", 1e-12, 0.5),
        More(
            [task_control(model), *mechanism_controls(model), *optimisation_controls(model)],
        ),
    ]
