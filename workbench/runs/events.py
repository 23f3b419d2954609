"""The events that every long work is made of: small, frozen, the same for panels, store and tests.

A long work is a generator of events. Stopping is closing the generator; nothing else is needed.
Scalars of an event travel as JSON, pictures and weights as raw bytes beside them.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

Message = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events. Subclasses register themselves by their class name.

    Fields hold JSON values, ``numpy`` arrays, or a mapping from names to arrays.
    """

    kinds: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Event.kinds[cls.__name__] = cls

    @property
    def progress(self) -> tuple[float, float] | None:
        """``(done, total)`` in any unit, or ``None`` where the event says nothing of progress."""
        return None


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The work has checked its input and begins; ``facts`` says with what."""

    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """So much is done, where nothing more can be said."""

    done: float
    total: float
    doing: str

    @property
    def progress(self) -> tuple[float, float]:
        return self.done, self.total


@dataclass(frozen=True, kw_only=True)
class Checkpointed(Event):
    """Everything needed to go on from here: ``tensors`` by name and a JSON ``state``."""

    step: int
    tensors: Mapping[str, np.ndarray]
    state: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The work is done: a JSON ``result`` and the ``arrays`` that belong to it."""

    result: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """The work could not go on; ``message`` is one sentence, ``details`` is for the log."""

    message: str
    details: str = ""
    field: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cancelled(Event):
    """The work was stopped by a person; what was computed before is kept."""

    message: str = "stopped"


TERMINAL = (Finished, Failed, Cancelled)


def take_apart(event: Event) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What an event holds, as strict JSON values and as arrays by path.

    The array in field ``image`` has the path ``"image"``, the one called ``"conv/weight"`` in the
    mapping ``tensors`` has ``"tensors/conv/weight"``.
    """
    values: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for item in dataclasses.fields(event):
        value = getattr(event, item.name)
        if isinstance(value, np.ndarray):
            arrays[item.name] = value
        elif _is_array_mapping(value):
            values[item.name] = {}
            arrays |= {f"{item.name}/{name}": array for name, array in value.items()}
        else:
            values[item.name] = to_json(value)
    return values, arrays


def put_together(
    kind: str, module: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> Event:
    """The inverse of :func:`take_apart`.

    Args:
        kind: name of the event's class.
        module: where it is defined; imported when this process has not met the event before.
        values: of :func:`take_apart`.
        arrays: of :func:`take_apart`.

    Raises:
        KeyError: there is no such event.
        ImportError: there is no such module.
    """
    if kind not in Event.kinds:
        importlib.import_module(module)
    fields = {name: from_json(value) for name, value in values.items()}
    for path, array in arrays.items():
        outer, _, inner = path.partition("/")
        if inner:
            fields[outer][inner] = array
        else:
            fields[outer] = array
    return Event.kinds[kind](**fields)


def to_message(event: Event) -> Message:
    """Turn an event into plain values and bytes, fit for a socket or a file.

    Returns:
        ``{"kind": class name, "module": where the class is defined, "values": JSON values,
        "arrays": {path: {dtype, shape, data}}}``; infinite and undefined numbers become the
        strings ``"inf"``, ``"-inf"`` and ``"nan"``.
    """
    values, arrays = take_apart(event)
    return {
        "kind": type(event).__name__,
        "module": type(event).__module__,
        "values": values,
        "arrays": {path: _pack(array) for path, array in arrays.items()},
    }


def from_message(message: Message) -> Event:
    """Rebuild the event that :func:`to_message` took apart.

    Raises:
        KeyError: the message names an event that this version does not know.
    """
    arrays = {path: _unpack(packed) for path, packed in message["arrays"].items()}
    return put_together(message["kind"], message["module"], message["values"], arrays)


def to_json(value: Any) -> Any:
    """Values as strict JSON: tuples as lists, numpy scalars as numbers, infinity as a word."""
    if isinstance(value, Mapping):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def from_json(value: Any) -> Any:
    """The inverse of :func:`to_json` as far as numbers go: the words become numbers again."""
    if isinstance(value, dict):
        return {key: from_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [from_json(inner) for inner in value]
    if value in ("inf", "-inf", "nan"):
        return float(value)
    return value


def _is_array_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, np.ndarray) for v in value.values())


def _pack(array: np.ndarray) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def _unpack(packed: Mapping[str, Any]) -> np.ndarray:
    # A copy, because an array over bytes is read-only and torch warns about such arrays.
    return np.frombuffer(packed["data"], dtype=packed["dtype"]).reshape(packed["shape"]).copy()
