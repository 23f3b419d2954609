"""Controls for the choices that a single training and a study share."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.dpsgd.engine_names import ENGINES
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Field, NumberField, TextField, Toggle
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.states import BUSY
from workbench.panels.training_choices import DRAWN, TrainingChoices

_OWN: Final = "own"
_KEPT: Final = "as they are"
_SIDES: Final = ("32", "64", "96", "128", "192", "256")
_TASKS: Final = {
    "": "whatever the data have",
    "segmentation": "segmentation (masks)",
    "classification": "classification (labels)",
}
_SCHEDULES: Final = {"cosine": "falls to 0", "constant": "stays"}
_PARTS: Final = {"all": "the whole network", "last-block": "its last block", "head": "its head"}
UNITS: Final = {"patient": "each patient", "slice": "each slice"}


def number(
    model: PanelModel, label: str, name: str, low: float, high: float, *, whole: bool = False,
    **looks: Any,
) -> Field:  # fmt: skip
    """A number of the model as a field, typed unless ``slider`` is asked for."""
    field = NumberField(
        label, getattr(model, name), low, high, whole=whole, **{"slider": False, **looks}
    )
    return bind_field(field, model, name, to_model=int if whole else float, to_control=float)


def data_controls(model: TrainingChoices) -> list[W.Widget]:
    """The list of phantoms, and a path for own data."""
    known = Choice("Data", {name: one.words for name, one in DRAWN.items()} | {_OWN: "my own …"})
    path = bind_field(
        TextField("File or folder", placeholder="liver.npz, Task03_Liver"),
        model, "data",
        to_control=lambda data: "" if data in DRAWN else data,
    )  # fmt: skip

    def chosen(change: Any) -> None:
        picked = change["new"]
        if picked != _OWN:
            model.set(data=picked, task=None)
            model.accept("data")
        elif model.data in DRAWN:
            model.choose("data", "")

    def follow(_change: Any = None) -> None:
        own = model.data not in DRAWN
        with model.lock:
            known.value = _OWN if own else model.data
        path.layout.display = "" if own else "none"

    follow()
    known.observe(model.guard(chosen), "value")
    model.observe(follow, "data")
    rest_while_busy(model, known)
    return [known, path]


def task_control(model: TrainingChoices) -> Field:
    """What to learn, where the data leave the choice."""
    control = Choice("Task", _TASKS)

    def follow(_change: Any = None) -> None:
        control.layout.display = "none" if model.data in DRAWN else ""

    follow()
    model.observe(follow, "data")
    return bind_field(
        control, model, "task",
        to_model=lambda name: name or None, to_control=lambda name: name or "",
    )  # fmt: skip


def model_control(model: TrainingChoices) -> Field:
    """The networks that fit the task."""
    control = Choice("Model", model.models_offered(), model.model)

    def offer(_change: Any = None) -> None:
        control.offer(model.models_offered(), model.model)

    model.observe(offer, ["data", "task", "model"])
    return bind_field(control, model, "model")


def unit_control(model: TrainingChoices) -> Field:
    """Who is protected."""
    control = Choice("Protects", UNITS)

    def explain(_change: Any = None) -> None:
        control.help = (
            "a patient with many slices is protected less; the run says how much"
            if model.unit == "slice"
            else ""
        )

    explain()
    model.observe(explain, "unit")
    return bind_field(control, model, "unit")


def mechanism_controls(model: TrainingChoices) -> list[W.Widget]:
    """What belongs to the guarantee and is rarely changed."""
    return [
        number(model, "Sample rate", "sample_rate", 1e-4, 1,
               help="chance of each patient or slice to enter a step"),
        number(model, "Clipping norm", "max_grad_norm", 1e-4, 1e4),
        bind_field(
            Choice("Engine", {name: name for name in ENGINES},
                   help="how per-record gradients are taken; the same gradient at another speed"),
            model, "engine",
        ),
    ]  # fmt: skip


def optimisation_controls(model: TrainingChoices) -> list[W.Widget]:
    """How the network is trained, apart from privacy."""
    return [
        number(model, "Learning rate", "learning_rate", 1e-6, 10),
        bind_field(Choice("Schedule", _SCHEDULES), model, "schedule"),
        bind_field(Choice("Optimizer", {"adam": "Adam", "sgd": "SGD"}), model, "optimizer"),
        number(model, "Weight average", "ema_decay", 0, 0.9999,
               help="decay of a moving average of the weights; 0 keeps the last ones"),
        bind_field(
            Toggle("Standardise filters", help="mean 0 and norm 1 in front of normalisations"),
            model, "weight_standardisation",
        ),
        bind_field(
            TextField("Begin from", placeholder="drawn weights",
                      help="id of a finished training; its data are then assumed public"),
            model, "pretrained",
            to_model=lambda run: run.strip() or None, to_control=lambda run: run or "",
        ),
        bind_field(Choice("Trains", _PARTS), model, "trainable"),
        bind_field(
            Choice("Precision", {"float32": "float32", "bfloat16": "bfloat16 passes"}),
            model, "precision",
        ),
        number(model, "Views of each slice", "augmentation_multiplicity", 1, 32, whole=True,
               help="moved copies, averaged before clipping"),
        _image_size(model),
        _patients(model),
        bind_field(
            TextField("Members", placeholder="all who may train",
                      help="fair coins decide, as in 'patient coins 7, half 0'"),
            model, "members",
            to_model=lambda coins: coins.strip() or None, to_control=lambda coins: coins or "",
        ),
        number(model, "Split seed", "split_seed", 0, 2**31 - 1, whole=True,
               help="draws who validates, where the data do not say"),
        bind_field(
            Toggle("Replace unfit layers",
                   help="layers that mix records, such as BatchNorm, in private training"),
            model, "surgery",
        ),
    ]  # fmt: skip


def rest_while_busy(model: TrainingChoices, control: Field) -> None:
    """Let a control that is not tied to one choice rest while something runs."""

    def rest(_change: Any = None) -> None:
        control.disabled = model.status in BUSY

    rest()
    model.observe(rest, "status")


def _image_size(model: TrainingChoices) -> Field:
    control = Choice("Image size", _sides(model.image_size), help="side in pixels")

    def offer(_change: Any = None) -> None:
        control.offer(_sides(model.image_size), str(model.image_size or _KEPT))

    offer()
    model.observe(offer, "image_size")
    return bind_field(
        control, model, "image_size",
        to_model=lambda side: None if side == _KEPT else int(side),
        to_control=lambda side: str(side or _KEPT),
    )  # fmt: skip


def _patients(model: TrainingChoices) -> Field:
    control = NumberField(
        "Patients to train on", model.patients or 0, 0, 10**6, whole=True, slider=False,
        help="so many, drawn by the split seed; 0 takes all",
    )  # fmt: skip
    return bind_field(
        control, model, "patients",
        to_model=lambda count: int(count) or None, to_control=lambda count: float(count or 0),
    )  # fmt: skip


def _sides(chosen: int | None) -> list[str]:
    sides = {*_SIDES, *([str(chosen)] if chosen else [])}
    return [_KEPT, *sorted(sides, key=int)]
