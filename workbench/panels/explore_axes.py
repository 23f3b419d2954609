"""What else a study varies, as a line that a person types: ``learning_rate = 1e-3, 3e-3``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from workbench.errors import BadInput
from workbench.exploring.axes import AXES, Value, checked_range, checked_values
from workbench.training.config import TrainConfig

EXAMPLE = "learning_rate = 1e-3, 3e-3"


class Varied(NamedTuple):
    """Other settings that a study varies.

    Attributes:
        axes: by name the values to try.
        ranges: by name the ends to draw between.
    """

    axes: dict[str, tuple[Value, ...]]
    ranges: dict[str, tuple[float, float]]


def read_varied(text: str, train: TrainConfig) -> Varied:
    """The axes and ranges in a line.

    Args:
        text: ``"name = value, value; name = low .. high"``.
        train: settings beside which each value must make sense.

    Raises:
        BadInput: a part cannot be read, a name stands twice, or a value is out of its range.
    """
    found = Varied({}, {})
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, values = (word.strip() for word in part.partition("="))
        name = name.replace(" ", "_").replace("-", "_")
        if not equals or not values:
            raise BadInput(
                f"Write a setting and its values, such as {EXAMPLE}, not {part!r}.", field="varied"
            )
        if name in found.axes or name in found.ranges:
            raise BadInput(f"{name} stands twice; name all its values at once.", field="varied")
        try:
            if ".." in values:
                found.ranges[name] = checked_range(name, _ends(values), train)
            else:
                words = [word.strip() for word in values.split(",") if word.strip()]
                found.axes[name] = checked_values(name, [_value(name, w) for w in words], train)
        except BadInput as error:
            raise BadInput(error.message, field="varied") from None
    return found


def written(
    axes: Mapping[str, tuple[Value, ...]], ranges: Mapping[str, tuple[float, float]]
) -> str:
    """The line that :func:`read_varied` reads as these."""
    parts = [
        f"{name} = {', '.join(_said(value) for value in values)}" for name, values in axes.items()
    ]
    parts += [f"{name} = {low:g} .. {high:g}" for name, (low, high) in ranges.items()]
    return "; ".join(parts)


def _ends(words: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in words.split(".."))
    except ValueError:
        raise BadInput(
            f"A range is written low .. high, such as 1e-4 .. 1e-2, not {words!r}.", field="varied"
        ) from None
    return low, high


def _value(name: str, words: str) -> Value:
    """A word in the kind that the axis has; the check says what is wrong with another one."""
    kind = AXES[name].kind if name in AXES else str
    if kind is bool and words.lower() in ("true", "yes", "false", "no"):
        return words.lower() in ("true", "yes")
    if kind in (int, float):
        try:
            return float(words)
        except ValueError:
            return words
    return words


def _said(value: Value) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
