"""Configs as JSON and TOML: a run is its config, so a config must survive being written down."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Final, TypeVar

import dacite

from workbench.errors import BadInput
from workbench.runs.events import from_json, to_json

C = TypeVar("C")

LATER: Final = {"left_out": True}
"""Metadata of a field that older versions did not have: at its default it is not written down, so
that what they recorded is found again by the same key."""


def config_to_json(config: Any) -> dict[str, Any]:
    """A frozen dataclass, nested ones included, as strict JSON values."""
    values: dict[str, Any] = to_json(dataclasses.asdict(config))
    return _without_later(config, values)


def _without_later(config: Any, values: dict[str, Any]) -> dict[str, Any]:
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        if item.metadata.get("left_out") and value == item.default:
            del values[item.name]
        elif dataclasses.is_dataclass(value):
            _without_later(value, values[item.name])
    return values


def config_from_json(kind: type[C], values: dict[str, Any]) -> C:
    """Rebuild a config; its own checks run again.

    Raises:
        BadInput: a field is unknown, missing or of another type; or the config refuses a value.
    """
    _refuse_unknown(kind, values)
    # A whole number is a fine float; dacite alone would refuse it.
    number = {float: lambda value: float(value) if type(value) is int else value}
    try:
        return dacite.from_dict(
            kind, from_json(values), dacite.Config(cast=[tuple], type_hooks=number)
        )
    except dacite.WrongTypeError as error:
        path = str(error.field_path)
        raise BadInput(
            f"Setting {path} must be {_in_words(error.field_type)}, not {error.value!r}.",
            field=path.rpartition(".")[2],
        ) from None
    except dacite.MissingValueError as error:
        path = str(error.field_path)
        raise BadInput(f"Setting {path} is missing.", field=path.rpartition(".")[2]) from None


def _in_words(kind: Any) -> str:
    """A type as a person would name it: ``a number or nothing``."""
    words = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(repr(value) for value in inner)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(_in_words(item) for item in inner)
    if kind is types.NoneType:
        return "nothing"
    return words.get(kind, "a table of settings" if dataclasses.is_dataclass(kind) else "a list")


def _refuse_unknown(kind: Any, values: Any, path: str = "") -> None:
    """Name a setting that no field has, beside those that there are, in nested configs too."""
    if not isinstance(values, dict):
        return
    hints = typing.get_type_hints(kind)
    for name, value in values.items():
        if name not in hints:
            raise BadInput(
                f"Unknown setting {path}{name}; known settings are {', '.join(hints)}.", field=name
            )
        for inner in (hints[name], *typing.get_args(hints[name])):
            if dataclasses.is_dataclass(inner):
                _refuse_unknown(inner, value, f"{path}{name}.")


def config_from_toml(kind: type[C], path: Path) -> C:
    """Read a config from a TOML file, keys named as the fields.

    Raises:
        BadInput: there is no such file, it is not TOML, or the config refuses a value.
    """
    return config_from_json(kind, toml_values(path))


def toml_values(path: Path) -> dict[str, Any]:
    """The plain values in a TOML file.

    Raises:
        BadInput: there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"There is no config file {path}; check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not a TOML file: {error}.") from None


def config_key(config: Any) -> str:
    """Sixteen hex digits that two configs share exactly when all their fields are equal."""
    return values_key(config_to_json(config))


def values_key(values: dict[str, Any]) -> str:
    """The same for a config that is written down as values already."""
    text = json.dumps(to_json(values), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
