"""Ties views to models: a control to a choice, the run bar to the run, the sentence to its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets as T

from workbench.panels.parts.controls import Field
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.run_bar import RunBar
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement

_RUN_TRAITS = (
    "status", "done", "total", "doing", "elapsed_s", "clock_at", "left_s", "message", "details",
    "blocked",
)  # fmt: skip


def bind_field(
    control: Field,
    model: PanelModel,
    name: str,
    *,
    to_model: Callable[[Any], Any] = lambda value: value,
    to_control: Callable[[Any], Any] = lambda value: value,
    while_busy: bool = False,
) -> Field:
    """Tie a control's value to a choice, both ways, with its errors under it.

    Args:
        control: any control with a ``value``.
        model: the panel's model.
        name: the choice's trait.
        to_model: turns the control's value into the trait's.
        to_control: the way back.
        while_busy: whether it may be changed while something runs.

    Returns:
        The control.
    """

    def chosen(change: Any) -> None:
        model.choose(name, to_model(change["new"]))

    def mistyped(change: Any) -> None:
        if change["new"]:
            model.reject(change["new"], name)
        else:
            model.recheck(name)

    def follow(_change: Any = None) -> None:
        with model.lock:
            wanted = to_control(getattr(model, name))
            if control.value != wanted:
                control.value = wanted

    def complain(_change: Any = None) -> None:
        control.error = model.errors.get(name, "")

    def rest(_change: Any = None) -> None:
        control.disabled = model.status in BUSY and not while_busy

    follow()
    complain()
    rest()
    control.observe(chosen, "value")
    control.observe(mistyped, "complaint")
    model.observe(follow, name)
    model.observe(complain, "errors")
    model.observe(rest, "status")
    return control


def bind_run_bar(model: PanelModel, **labels: Any) -> RunBar:
    """The run bar of a model.

    Args:
        model: the panel's model.
        labels: ``start_label``, ``again_label``, ``pausable`` of :class:`RunBar`.
    """
    presses = {
        "start": model.start, "pause": model.pause, "go_on": model.go_on, "stop": model.stop,
    }  # fmt: skip
    bar = RunBar({name: model.guard(act) for name, act in presses.items()}, **labels)

    def follow(_change: Any = None) -> None:
        with model.lock, bar.hold_sync():
            for name in _RUN_TRAITS:
                setattr(bar, name, getattr(model, name))

    follow()
    model.observe(follow, _RUN_TRAITS)
    return bar


def bind_guarantee(model: PanelModel) -> Statement:
    """The sentence in the foot that says what the run guarantees."""
    line = Statement()
    T.dlink((model, "guarantee"), (line, "text"))
    T.dlink((model, "tone"), (line, "tone"))
    return line
