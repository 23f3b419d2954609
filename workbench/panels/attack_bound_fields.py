"""Controls of the attack panel that are tied to its choices in one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from workbench.panels.attack_model import AttackModel
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Field, NumberField
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import More

NONE: Final = ""
"""The name of an option that chooses nothing."""


def number(
    model: AttackModel, label: str, name: str, low: float, high: float, *, unit: str = "",
    whole: bool = True, help: str = "",
) -> Field:  # fmt: skip
    """A number without a slider."""
    field = NumberField(
        label, getattr(model, name), low, high, unit=unit, slider=False, whole=whole, help=help
    )
    return bind_field(field, model, name, to_model=int if whole else float, to_control=float)


def choice(
    model: AttackModel, label: str, name: str, options: Mapping[str, str], *, help: str = ""
) -> Choice:
    """A choice among names; the option :data:`NONE` stands for ``None``.

    A value that a program chose and the list does not have is added to it.
    """
    field = Choice(label, _with(options, getattr(model, name)), help=help)

    def known(value: str | None) -> str:
        if (value or NONE) not in [option for option, _ in field.options]:
            field.offer(_with(options, value))
        return value or NONE

    bind_field(field, model, name, to_model=lambda value: value or None, to_control=known)
    return field


def _with(options: Mapping[str, str], value: str | None) -> dict[str, str]:
    return {**options} if not value or value in options else {**options, value: value}


def rest_while_busy(model: AttackModel, control: Field) -> None:
    """Turn a control off while something runs."""

    def rest(_change: Any = None) -> None:
        control.disabled = model.status in BUSY

    rest()
    model.observe(rest, "status")


def titled(model: AttackModel, fold: More, names: list[str], words: Callable[[], str]) -> More:
    """Let a folded section say in its head what is chosen inside.

    Args:
        model: the panel's model.
        fold: the section.
        names: choices that the words depend on.
        words: the head.
    """

    def follow(_change: Any = None) -> None:
        fold.head.label = words()

    follow()
    model.observe(follow, names)
    return fold
