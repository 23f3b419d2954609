"""What a person sees of a study: the frontier, the training that is opened, what looking costs."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go
import traitlets as T

from workbench.figures.attacker import attacker_numbers
from workbench.figures.frontier import FrontierNumbers, draw_frontier, frontier_numbers
from workbench.figures.groups import draw_groups, groups_numbers
from workbench.panels.explore_export import ExportStudy
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_opened import OpenedRun
from workbench.panels.explore_price import LookingPrice
from workbench.panels.explore_words import run_columns, run_rows
from workbench.panels.parts.frame import boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import Statement, Table

FIGURE_PX: Final = 388
TABLE_PX: Final = 176
WIDE_TABLE_PX: Final = 204
VIEWS: Final = ("Frontier", "Opened training", "Price of looking", "Groups")
HINT: Final = "Every finished training becomes a point and a row; choose one to open it."


class ExploreStage(W.Tab):
    """Views of one study, one at a time.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        self.frontier = FrontierView(model)
        self.opened = OpenedRun(model)
        self.price = LookingPrice(model, awake=False)
        self.groups = GroupsView(model)
        self._views = [self.frontier, self.opened, self.price]
        super().__init__(self._views, titles=VIEWS[:3], selected_index=0)
        self.add_class("wb-views")
        self.observe(model.guard(self._turned), "selected_index")
        model.observe(model.guard(self._opened), "selected")
        model.observe(model.guard(self._only_with_groups), "explored")
        self._only_with_groups()

    def _opened(self, _change: Any = None) -> None:
        """A training that is chosen on the frontier comes to the front."""
        me: Any = self
        if self.model.selected and me.selected_index == VIEWS.index("Frontier"):
            me.selected_index = VIEWS.index("Opened training")

    def _turned(self, change: Any) -> None:
        """What nobody sees is not reckoned, so it is reckoned when it is looked at."""
        self.price.awake = change["new"] == VIEWS.index("Price of looking")
        self.groups.awake = change["new"] == VIEWS.index("Groups")

    def _only_with_groups(self, _change: Any = None) -> None:
        there = any(one.groups for one in self.model.explored.values())
        views = [*self._views, *([self.groups] if there else [])]
        me: Any = self
        if len(views) != len(me.children):
            shown = me.selected_index or 0
            me.children, me.titles = views, VIEWS[: len(views)]
            me.selected_index = min(shown, len(views) - 1)


class FrontierView(W.HBox):
    """The figure, and beside it the same trainings as rows for those without a mouse."""

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        self._runs: list[str] = []
        self.curve = LiveFigure(
            self._figure(self._numbers()),
            name="utility over epsilon, and beneath it what each epsilon leaves to an attacker",
            on_click=model.guard(model.open_run),
        )
        self.runs = Table(["ε", "seed", "score"], on_pick=model.guard(self._picked))
        self.hint = Statement(HINT)
        left = W.VBox([boxed(self.curve)])
        left.layout.flex, left.layout.min_width = "1 1 0", "0"
        self.right = W.VBox([self.runs, self.hint, ExportStudy(model)])
        self.right.layout.max_height, self.right.layout.grid_gap = f"{FIGURE_PX}px", "8px"
        self.right.layout.overflow = "hidden auto"
        super().__init__([left, self.right])
        self.layout.grid_gap = "12px"
        watched = ["explored", "budgets", "metric", "beside", "meaning", "selected"]
        model.observe(model.guard(self._draw), watched)
        model.observe(model.guard(self._list), "running")
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock:
            numbers = self._numbers()
            self.curve.show_figure(self._figure(numbers))
            self._list(numbers=numbers)

    def _list(self, _change: Any = None, *, numbers: FrontierNumbers | None = None) -> None:
        model = self.model
        with model.lock, self.runs.hold_sync():
            shown = numbers or self._numbers()
            # The end of a training may be told before it is taken out of those at work.
            running = {r: done for r, done in model.running.items() if r not in model.explored}
            rows = run_rows(shown.curves, running, {run: model.place(run) for run in running})
            self._runs = [run for run, _ in rows]
            self.runs.columns = run_columns(shown.curves, shown.metric)
            self.runs.rows = [cells for _, cells in rows]
            self.runs.chosen = (
                self._runs.index(model.selected) if model.selected in self._runs else -1
            )
            self.runs.layout.display = "" if rows else "none"
            wide = len(shown.curves) > 1
            self.right.layout.flex = f"0 0 {WIDE_TABLE_PX if wide else TABLE_PX}px"

    def _picked(self, row: int) -> None:
        if 0 <= row < len(self._runs):
            self.model.open_run(self._runs[row])

    def _numbers(self) -> FrontierNumbers:
        model = self.model
        names = model.names
        return frontier_numbers(
            model.explored.values(),
            model.metric,
            name=model.study_name,
            others={names[study]: runs.values() for study, runs in model.beside.items()},
            baselines=model.meaning.baselines if model.meaning.metric == model.metric else (),
        )

    def _figure(self, numbers: FrontierNumbers) -> go.Figure:
        """On axes that are known before the first training is finished."""
        model = self.model
        attacker = attacker_numbers(model.meaning.odds, delta=model.delta, unit=model.unit)
        return draw_frontier(
            numbers, attacker, budgets=model.budgets, chosen=model.selected, height=FIGURE_PX
        )


class GroupsView(W.VBox):
    """Who pays for privacy: utility of each group of patients over epsilon.

    Attributes:
        awake: whether anybody looks; a figure that is drawn where it cannot be seen has no size.
    """

    awake = T.Bool(False)

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        self.curve: LiveFigure | None = None
        super().__init__()
        model.observe(model.guard(self._draw), ["explored", "metric"])
        self.observe(model.guard(self._draw), "awake")

    def _draw(self, _change: Any = None) -> None:
        if not self.awake:
            return
        with self.model.lock:
            numbers = groups_numbers(self.model.explored.values(), self.model.metric)
            figure = draw_groups(numbers, height=FIGURE_PX)
            if self.curve is None:
                self.curve = LiveFigure(figure, name="utility of each group over epsilon")
                self.children = [boxed(self.curve)]
            self.curve.show_figure(figure)
