"""What a person chooses before an attack: the left side of the panel."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.errors import BadInput
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_networks import attacks_offered, models_offered
from workbench.panels.attack_slice import SLICES
from workbench.panels.attack_words import noise_help
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Field, NumberField, TextField, Toggle
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import More

_OWN: Final = "own"
_PLAIN, _NOISY = "plain", "noisy"
_FIRST_NOISE: Final = 0.1


def attack_controls(model: AttackModel) -> list[W.Widget]:
    """The controls of an attack, from top to bottom."""
    pair = W.HBox(
        [_number(model, "Index", "index", 0, 9999), _number(model, "Batch", "batch", 1, 64)]
    )
    pair.layout.justify_content = "space-between"
    for field in pair.children:
        field.layout.width = "auto"
    return [
        *_slice(model),
        pair,
        *_model_and_attack(model),
        _number(model, "Time", "seconds", 1, 600, unit="s", whole=False),
        *_noise(model),
        More(_rarely_needed(model)),
    ]


def _rarely_needed(model: AttackModel) -> list[W.Widget]:
    return [
        _number(model, "Side of the slice", "size", 16, 512, unit="pixels"),
        _number(model, "Clipping norm", "max_grad_norm", 1e-3, 1e3, whole=False),
        _number(model, "Attempts", "restarts", 1, 100,
                help="they share the time; the attacker picks one by what it sees"),
        _number(model, "Seed", "seed", 0, 2**31 - 1, help="of weights, noise and starting image"),
        bind_field(Toggle("Attack pure noise as well", help="the floor: what the attack makes of "
                          "no information at all; takes as long again"), model, "floor"),
        _number(model, "Time in the row", "row_seconds", 1, 120, unit="s each", whole=False),
    ]  # fmt: skip


def _number(
    model: AttackModel, label: str, name: str, low: float, high: float, *, unit: str = "",
    whole: bool = True, help: str = "",
) -> Field:  # fmt: skip
    field = NumberField(
        label, getattr(model, name), low, high, unit=unit, slider=False, whole=whole, help=help
    )
    return bind_field(field, model, name, to_model=int if whole else float, to_control=float)


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
    _rest_while_busy(model, known)
    return [known, path]


def _model_and_attack(model: AttackModel) -> list[W.Widget]:
    network = bind_field(Choice("Model", models_offered(model.model), model.model), model, "model")
    offered = attacks_offered(model.model)
    attack = Choice("Attack", offered)

    def offer(_change: Any = None) -> None:
        fitting = attacks_offered(model.model)
        attack.offer(fitting, model.attack if model.attack in fitting else "two-stage")

    model.observe(offer, "model")
    bind_field(
        attack, model, "attack",
        to_control=lambda name: name if name in attacks_offered(model.model) else "two-stage",
    )  # fmt: skip
    return [network, attack]


def _noise(model: AttackModel) -> list[W.Widget]:
    """Whether anything is clipped, and the noise with its price."""
    shared = Choice(
        "The gradient is shared", {_PLAIN: "as it is (no DP)", _NOISY: "clipped, noise added"}
    )
    noise = NumberField("Noise multiplier σ", _FIRST_NOISE, 0, 1, log_from=1e-4)
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
    _rest_while_busy(model, shared)
    return [shared, noise]


def _rest_while_busy(model: AttackModel, control: Field) -> None:
    def rest(_change: Any = None) -> None:
        control.disabled = model.status in BUSY

    rest()
    model.observe(rest, "status")
