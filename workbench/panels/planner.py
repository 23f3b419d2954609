"""The planner: fix four of epsilon, noise, batch, steps and data; the fifth follows at once."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import plotly.graph_objects as go

from workbench.figures.planner import draw_planner, planner_numbers
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, NumberField
from workbench.panels.parts.frame import Frame, boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.notice import Notice
from workbench.panels.parts.words import Statement
from workbench.panels.planner_accountants import PlanAccountants
from workbench.panels.planner_model import PlannerModel
from workbench.panels.planner_patients import PatientsFold
from workbench.panels.planner_words import QUANTITY_WORDS, found_help, notes_words
from workbench.panels.training_controls import UNITS, number

FIGURE_PX: Final = 400
UNIT_PX: Final = 114

_ENDS: Final = {
    "target_epsilon": (1e-3, 1e3, 0.1),
    "noise_multiplier": (1e-3, 1e3, 0.1),
    "expected_batch": (1e-3, 1e5, 1.0),
    "steps": (1, 1e6, 1.0),
    "units": (1, 1e6, 10.0),
}
"""Least and greatest that may be chosen, then where the slider becomes logarithmic."""


class PlannerPanel(Frame):
    """Choose what to solve for, drag the other four.

    Nothing is trained here and nothing is charged.

    Args:
        name: panels of one name in one kernel show the same plan.
        params: choices by name, as in :class:`workbench.panels.planner_model.PlannerModel`
            (``target_epsilon=3, steps=300, units=200, expected_batch=20`` finds the noise).
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = PlannerModel.attach(name, **params)
        with model.lock:
            self.stage = PlannerStage(model)
            super().__init__("Planner", _choices(model), [self.stage], model)
            self.notes, self.notice = _notes(model), _notice(model)
        # Nothing runs here, so there is nothing to start, pause or stop.
        self.children[2].children = [self.guarantee, self.notes, self.notice]


class PlannerStage(W.VBox):
    """The map of epsilon with the plan in it; other accountants and studies folded away.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: PlannerModel) -> None:
        self.model = model
        self.map = LiveFigure(self._figure(), name="epsilon over steps and noise")
        self.accountants = PlanAccountants(model)
        self.patients = PatientsFold(model)
        super().__init__([boxed(self.map), self.accountants, self.patients])
        self.layout.grid_gap = "10px"
        model.observe(model.guard(self._draw), ["plan", "surface"])

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock:
            self.map.show_figure(self._figure())

    def _figure(self) -> go.Figure:
        """The lines and the point always belong together: neither moves before both can."""
        plan, surface = self.model.plan, self.model.surface
        if plan is None or surface is None:
            return draw_planner(None, height=FIGURE_PX)
        if (plan.sample_rate, plan.delta) != (surface.sample_rate, surface.delta):
            return draw_planner(planner_numbers(surface, None, unit=plan.unit), height=FIGURE_PX)
        return draw_planner(planner_numbers(surface, plan, unit=plan.unit), height=FIGURE_PX)


def _choices(model: PlannerModel) -> list[W.Widget]:
    return [
        bind_field(Choice("Solve for", QUANTITY_WORDS, model.solve_for), model, "solve_for"),
        *(_quantity(model, name) for name in QUANTITY_WORDS),
        _side_by_side(
            bind_field(Choice("Unit", UNITS), model, "unit"),
            number(model, "Delta", "delta", 1e-15, 0.5),
        ),
    ]


def _side_by_side(left: W.Widget, right: W.Widget) -> W.HBox:
    """Two in a row, or the last one would be below the edge of a small screen."""
    left.layout.flex, right.layout.flex = f"0 0 {UNIT_PX}px", "1 1 0"
    left.layout.min_width = right.layout.min_width = "0"
    row = W.HBox([left, right])
    row.layout.grid_gap = "12px"
    return row


def _quantity(model: PlannerModel, name: str) -> NumberField:
    """A field that can be changed unless its value is the one that is found."""
    least, most, log_from = _ENDS[name]
    value = getattr(model, name)
    whole = name in ("steps", "units")
    field = NumberField(
        QUANTITY_WORDS[name], value, min(least, value), max(most, value),
        log_from=log_from, whole=whole, step=1.0 if whole else 0.0,
    )  # fmt: skip
    bind_field(field, model, name, to_model=int if whole else float, to_control=float)

    def follow(_change: Any = None) -> None:
        with model.lock, field.hold_sync():
            field.disabled = model.solve_for == name
            field.help = found_help(model.plan, name)
            if name == "units":
                field.label = {"patient": "Patients", "slice": "Slices"}.get(model.unit, "Units")

    follow()
    model.observe(follow, ["solve_for", "plan", "unit", "status"])
    return field


def _notes(model: PlannerModel) -> Statement:
    line = Statement()

    def follow(_change: Any = None) -> None:
        line.text = notes_words(model.plan, exact=model.exact)

    follow()
    model.observe(follow, ["plan", "exact"])
    return line


def _notice(model: PlannerModel) -> Notice:
    notice = Notice()

    def follow(_change: Any = None) -> None:
        with model.lock, notice.hold_sync():
            notice.message, notice.details = model.message, model.details

    follow()
    model.observe(follow, ["message", "details"])
    return notice
