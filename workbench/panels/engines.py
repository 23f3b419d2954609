"""The engines panel: the same private step in every way, timed live."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.figures.engines import draw_engines, engine_numbers
from workbench.panels.engines_model import WORK, EnginesModel
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Field, NumberField
from workbench.panels.parts.frame import Frame, boxed
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.words import Table
from workbench.panels.training_choices import MODELS
from workbench.runs.jobs import warm
from workbench.training.compared import Compared

COLUMNS: Final = ("engine", "a step (ms)", "memory (MiB)", "gradient apart", "")


class EnginesPanel(Frame):
    """Choose a step, press Compare, watch the engines take turns.

    Args:
        name: panels of one name in one kernel show the same comparison.
        params: choices by name, as in ``CompareConfig``.
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = EnginesModel.attach(name, **params)
        warm(WORK.partition(":")[0])
        super().__init__(
            "Engines", _choices(model), [EnginesStage(model)], model,
            start_label="Compare", again_label="Compare",
        )  # fmt: skip


class EnginesStage(W.VBox):
    """Bars for time and memory, and the numbers under them.

    Args:
        model: what is shown.
    """

    def __init__(self, model: EnginesModel) -> None:
        self.model = model
        self.bars = LiveFigure(draw_engines(engine_numbers([])), name="engines")
        self.table = Table(COLUMNS)
        super().__init__([boxed(self.bars), self.table])
        model.observe(model.guard(self._draw), "compared")
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock:
            found = list(self.model.compared.values())
            self.bars.show_figure(draw_engines(engine_numbers(found)))
            self.table.rows = [_row(one) for one in found]


def _row(one: Compared) -> list[str]:
    if one.refused:
        return [one.engine, "", "", "", f"refused: {one.refused}"]
    apart = "" if one.difference is None else f"{one.difference:.0e} of its norm"
    return [one.engine, f"{1000 * one.seconds:.0f}", f"{one.memory_mib:.3g}", apart, ""]


def _choices(model: EnginesModel) -> list[W.Widget]:
    every = {name: words for fitting in MODELS.values() for name, words in fitting.items()}
    return [
        bind_field(Choice("Model", every, model.model), model, "model"),
        _whole(model, "Image size", "size", 16, 512, "side in pixels"),
        _whole(model, "Slices", "batch", 1, 512, "in one step"),
        _whole(model, "Slices of a patient", "slices_each", 1, 512, "averaged, then clipped once"),
        _whole(model, "Rounds", "rounds", 1, 100, "steps of each engine; medians are shown"),
    ]


def _whole(
    model: EnginesModel, label: str, name: str, low: float, high: float, words: str
) -> Field:
    field = NumberField(
        label, getattr(model, name), low, high, whole=True, slider=False, help=words
    )
    return bind_field(field, model, name, to_model=int, to_control=float)
