"""What a person chooses before an audit: the left side of the panel."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.auditing.trainings.catalogue import TRAININGS
from workbench.panels.audit_model import AuditModel
from workbench.panels.audit_words import NETWORKS, PREDICTIONS, bug_words, bugs_offered
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Field, TextField, Toggle
from workbench.panels.parts.words import More, Statement
from workbench.panels.training_controls import UNITS, number

_NO_BUG: Final = {"": "nothing is broken"}
_UNDECIDED: Final = {"": "choose …"}


def audit_controls(model: AuditModel) -> list[W.Widget]:
    """The controls of an audit, from top to bottom."""
    return [
        _engine(model),
        _network(model),
        *_break_it(model),
        number(model, "Noise multiplier σ", "noise_multiplier", 0.05, 100),
        number(model, "Sample rate", "sample_rate", 1e-4, 1),
        number(model, "Steps", "steps", 1, 10_000, whole=True),
        number(model, "Canaries", "canaries", 2, 100_000, whole=True,
               help="half of them take part, as fair coins decide"),
        bind_field(Choice("Protects", UNITS), model, "unit"),
        _more(model),
    ]  # fmt: skip


def _engine(model: AuditModel) -> Field:
    control = Choice("Engine", {name: name for name in TRAININGS})

    def explain(_change: Any = None) -> None:
        own = model.training
        control.help = f"in place of it: {own}" if own else TRAININGS.get(model.engine, "")

    explain()
    model.observe(explain, ["engine", "training"])
    return bind_field(control, model, "engine")


def _network(model: AuditModel) -> Field:
    control = Choice("Network", _with(model.network))

    def known(name: str) -> str:
        if name not in [option for option, _ in control.options]:
            control.offer(_with(name))
        return name

    return bind_field(control, model, "network", to_control=known)


def _with(name: str) -> dict[str, str]:
    """A person's own network stays among those that are offered."""
    return {**NETWORKS} if name in NETWORKS else {**NETWORKS, name: name}


def _break_it(model: AuditModel) -> list[W.Widget]:
    """The bugs that can be put in on purpose, what they are, and a prediction."""
    bug = bind_field(
        Choice("Break it yourself", {**_NO_BUG, **bugs_offered()}), model, "bug",
        to_model=lambda name: name or None, to_control=lambda name: name or "",
    )  # fmt: skip
    words = Statement()
    first = bind_field(
        Toggle("Predict first", help="a bug is audited once you have said what will catch it"),
        model, "predict",
    )  # fmt: skip
    guess = bind_field(
        Choice("What will catch it?", {**_UNDECIDED, **PREDICTIONS}), model, "prediction"
    )

    def follow(_change: Any = None) -> None:
        words.text = bug_words(model.bug)
        for part in (words, guess, first):
            part.layout.display = "" if model.bug else "none"

    follow()
    model.observe(follow, "bug")
    return [bug, words, guess, first]


def _more(model: AuditModel) -> More:
    own = TextField("Own training", placeholder="package.module:function",
                    help="takes an exam, as the lessons explain")  # fmt: skip
    data = TextField("Own data", placeholder="phantoms, which cost nobody anything")
    return More(
        [
            bind_field(Choice("Optimizer", {"sgd": "SGD", "adam": "Adam"}), model, "optimizer"),
            number(model, "Delta", "delta", 1e-12, 0.5),
            number(model, "Clipping norm", "max_grad_norm", 1e-4, 1e4),
            number(model, "Physical batch", "physical_batch", 1, 100_000, whole=True,
                   help="larger draws come in parts"),
            number(model, "Coordinates with noise alone", "nulls", 100, 10**6, whole=True),
            number(model, "Side of the slices", "size", 16, 128, whole=True, unit="pixels"),
            _optional(model, own, "training"),
            _optional(model, data, "data"),
        ]
    )  # fmt: skip


def _optional(model: AuditModel, control: Field, name: str) -> Field:
    """A line of text that chooses nothing while it is empty."""
    return bind_field(
        control, model, name,
        to_model=lambda text: text.strip() or None, to_control=lambda text: text or "",
    )  # fmt: skip
