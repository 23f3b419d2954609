"""What a person chooses before an attack: the left side of the panel."""

from __future__ import annotations

from typing import Any, Final, cast

import ipywidgets as W
import traitlets as T

from workbench.errors import BadInput
from workbench.panels.attack_bound_fields import number, rest_while_busy
from workbench.panels.attack_folds import attacker_fold, more_fold, network_fold, sharing_fold
from workbench.panels.attack_methods import attacks_offered
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_networks import Task, models_offered
from workbench.panels.attack_slice import SLICES
from workbench.panels.attack_words import noise_help
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, NumberField, PushButton, TextField
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement

_OWN: Final = "own"
_PLAIN, _NOISY = "plain", "noisy"
_FIRST_NOISE: Final = 0.1


def attack_controls(model: AttackModel) -> list[W.Widget]:
    """The controls of an attack, from top to bottom."""
    pair = W.HBox(
        [number(model, "Index", "index", 0, 9999), number(model, "Batch", "batch", 1, 64)]
    )
    pair.layout.justify_content = "space-between"
    for field in pair.children:
        field.layout.width = "auto"
    return [
        _cases(model),
        *_slice(model),
        pair,
        *_model_and_attack(model),
        number(model, "Time", "seconds", 1, 600, unit="s", whole=False),
        *_noise(model),
        network_fold(model),
        attacker_fold(model),
        sharing_fold(model),
        more_fold(model),
    ]


def _cases(model: AttackModel) -> W.VBox:
    """Two buttons that choose everything at once, and what the choices amount to now."""
    worst = PushButton(
        "Worst case", model.guard(model.worst_case),
        help="Untrained network, smooth activation, known mask, one slice, no noise",
    )  # fmt: skip
    real = PushButton(
        "Realistic case", model.guard(model.realistic_case),
        help="The newest training with its noise, unknown mask, a batch, slices of other patients",
    )  # fmt: skip
    buttons = W.HBox([worst, real])
    buttons.layout.grid_gap, buttons.layout.overflow = "8px", "visible"
    words = Statement()
    T.dlink((model, "case"), (words, "text"))

    def rest(_change: Any = None) -> None:
        worst.disabled = real.disabled = model.status in BUSY

    rest()
    model.observe(rest, "status")
    box = W.VBox([buttons, words])
    box.layout.grid_gap, box.layout.overflow = "6px", "visible"
    return box


def _slice(model: AttackModel) -> list[W.Widget]:
    """A list of built-in slices, and a line for a path where none of them is wanted."""
    path = TextField("File or folder", placeholder="scan.dcm, liver.nii.gz, slices.npz")
    # A built-in slice leaves the line as it is, so that what was typed is there to come back to.
    bind_field(
        path, model, "image", to_model=str.strip,
        to_control=lambda image: path.value if image in SLICES else image,
    )  # fmt: skip
    known = Choice("Slice", {**SLICES, _OWN: "your own file or folder …"})

    def chosen(change: Any) -> None:
        model.choose("image", path.value if change["new"] == _OWN else change["new"])

    def follow(_change: Any = None) -> None:
        with model.lock:
            known.value = model.image if model.image in SLICES else _OWN
            path.layout.display = "" if known.value == _OWN else "none"

    def complain(_change: Any = None) -> None:
        known.error = "" if known.value == _OWN else model.errors.get("image", "")

    follow()
    known.observe(chosen, "value")
    model.observe(follow, "image")
    model.observe(complain, ["errors", "image"])
    rest_while_busy(model, known)
    return [known, path]


def _model_and_attack(model: AttackModel) -> list[W.Widget]:
    network = bind_field(Choice("Model", models_offered(model.model), model.model), model, "model")
    attack = Choice("Attack", _offered(model))

    def fitting(name: str) -> str:
        return name if name in _offered(model) else "two-stage"

    def offer(_change: Any = None) -> None:
        attack.offer(_offered(model), fitting(model.attack))

    model.observe(offer, ["model", "task"])
    bind_field(attack, model, "attack", to_control=fitting)
    return [network, attack]


def _offered(model: AttackModel) -> dict[str, str]:
    return attacks_offered(model.model, cast("Task | None", model.task))


def _noise(model: AttackModel) -> list[W.Widget]:
    """Whether anything is clipped, and the noise with its price."""
    shared = Choice(
        "The gradient is shared", {_PLAIN: "as it is (no DP)", _NOISY: "clipped, noise added"}
    )
    noise = NumberField("Noise multiplier σ", _FIRST_NOISE, 0, 10, log_from=1e-4)
    bind_field(
        noise, model, "noise_multiplier",
        to_control=lambda value: noise.value if value is None else value,
    )  # fmt: skip

    def chosen(change: Any) -> None:
        model.choose("noise_multiplier", None if change["new"] == _PLAIN else noise.value)

    def follow(_change: Any = None) -> None:
        with model.lock:
            shared.value = _PLAIN if model.noise_multiplier is None else _NOISY
            noise.disabled = model.noise_multiplier is None or model.status in BUSY

    def price(_change: Any = None) -> None:
        try:
            noise.help = noise_help(model.config())
        except BadInput:
            noise.help = ""

    follow()
    price()
    shared.observe(chosen, "value")
    model.observe(follow, ["noise_multiplier", "status"])
    model.observe(price, ["noise_multiplier", "delta"])
    rest_while_busy(model, shared)
    return [shared, noise]
