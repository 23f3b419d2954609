"""The train panel: choose data, network and budget; watch the network learn; read the promise."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, NumberField, PushButton, Toggle
from workbench.panels.parts.frame import Frame
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import More, Statement
from workbench.panels.train_model import WORK, TrainModel
from workbench.panels.train_stage import TrainStage
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

_PRIVACY: Final = {
    "target_epsilon": "up to a target epsilon",
    "noise_multiplier": "with a noise multiplier",
    "none": "no privacy",
}


class TrainPanel(Frame):
    """Choose, press Train, watch.

    Args:
        run: id of a recorded training to show; its choices come with it.
        name: panels of one name in one kernel show the same training, so that a cell that is run
            again, or a desk, shows what is under way.
        params: choices by name, as in ``TrainConfig`` and ``PrivacyConfig``
            (``data="phantom-liver"``, ``target_epsilon=3``, ``unit="slice"``); ``privacy="none"``
            trains without.
    """

    def __init__(self, *, run: str | None = None, name: str = "main", **params: Any) -> None:
        model = TrainModel.attach(name if run is None else f"run {run}", **params)
        if run is not None and not model.run.endswith(run):
            model.show(run)
        warm(WORK.partition(":")[0])
        super().__init__(
            "Train", _choices(model), [TrainStage(model)], model,
            start_label="Train", again_label="Train anew",
        )  # fmt: skip
        self.resume = _resume_button(model)
        foot = W.HBox([self.run_bar, self.resume])
        self.run_bar.layout.flex = "1 1 0"
        foot.layout.grid_gap, foot.layout.align_items = "16px", "center"
        self.children[2].children = [self.guarantee, foot]


def _choices(model: TrainModel) -> list[W.Widget]:
    rarely = [
        task_control(model),
        *mechanism_controls(model),
        *optimisation_controls(model),
        number(model, "Seed", "seed", 0, 2**31 - 1, whole=True, help="of weights and sampling"),
        bind_field(
            Toggle("Seeded noise", help="can be repeated exactly, and so protects nobody"),
            model, "noise",
            to_model=lambda seeded: "seeded" if seeded else "secure",
            to_control=lambda noise: noise == "seeded",
        ),
    ]  # fmt: skip
    return [
        *data_controls(model),
        model_control(model),
        *_privacy(model),
        number(model, "Steps", "steps", 1, 100_000, whole=True),
        More(rarely),
        _earlier(model),
    ]


def _privacy(model: TrainModel) -> list[W.Widget]:
    """Which of budget and noise is given, that one, and what it means."""
    kind = bind_field(Choice("Privacy", _PRIVACY), model, "privacy")
    epsilon = bind_field(
        NumberField("Target epsilon", 8, 0.1, 100, log_from=0.1), model, "target_epsilon"
    )
    noise = bind_field(
        NumberField("Noise multiplier", 1, 0, 20, log_from=0.1), model, "noise_multiplier"
    )
    unit, delta = unit_control(model), number(model, "Delta", "delta", 1e-12, 0.5)
    meaning = Statement()

    def follow(_change: Any = None) -> None:
        shown = {epsilon: "target_epsilon", noise: "noise_multiplier"}
        for control, name in shown.items():
            control.layout.display = "" if model.privacy == name else "none"
            control.help = model.price if model.privacy == name else ""
        for control in (unit, delta):
            control.layout.display = "none" if model.privacy == "none" else ""

    def explain(_change: Any = None) -> None:
        meaning.text, meaning.tone = model.outlook, model.outlook_tone

    follow()
    explain()
    model.observe(follow, ["privacy", "price"])
    model.observe(explain, ["outlook", "outlook_tone"])
    return [kind, epsilon, noise, meaning, unit, delta]


def _earlier(model: TrainModel) -> More:
    """Recorded trainings, to be shown again."""
    listed = Choice("Recorded", {"": "none yet"})
    button = PushButton("Show", help="bring this training back, with its choices")
    button.on_click = model.guard(lambda: model.show(listed.value) if listed.value else None)
    section = More([listed, button], label="Earlier trainings")

    def follow(_change: Any = None) -> None:
        listed.offer(model.recorded or {"": "none yet"})
        section.layout.display = "" if model.recorded else "none"

    def rest(_change: Any = None) -> None:
        button.disabled = model.status in BUSY

    follow()
    rest()
    model.observe(follow, "recorded")
    model.observe(rest, "status")
    return section


def _resume_button(model: TrainModel) -> PushButton:
    """Beside the run bar, while there is a stopped training to go on with."""
    button = PushButton("Go on")
    button.on_click = model.guard(lambda: model.go_on_with(model.resumable))

    def follow(_change: Any = None) -> None:
        run = model.resumable
        button.label = f"Go on with run {run.rpartition('-')[2]}"
        button.help = f"{model.recorded.get(run, '')}: {run}, from its last checkpoint"
        button.layout.display = "" if run and model.status not in BUSY else "none"

    follow()
    model.observe(follow, ["resumable", "recorded", "status"])
    return button
