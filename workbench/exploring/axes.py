"""What a study may vary: settings by name, with the kind of their values and how to draw one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Literal, TypeAlias

from workbench.errors import BadInput
from workbench.training.config import PrivacyConfig, TrainConfig

Value: TypeAlias = bool | int | float | str
Scale: TypeAlias = Literal["log", "linear", "decay"]


@dataclass(frozen=True)
class Axis:
    """One setting that may be varied.

    Attributes:
        kind: type of its values.
        scale: how a number is drawn from a range: evenly in its logarithm, evenly, or for decays
            evenly in the logarithm of the distance to 1; ``None`` where values have no order.
    """

    kind: type[bool] | type[int] | type[float] | type[str]
    scale: Scale | None = None


AXES: Final[Mapping[str, Axis]] = {
    "target_epsilon": Axis(float, "log"),
    "noise_multiplier": Axis(float, "log"),
    "max_grad_norm": Axis(float, "log"),
    "unit": Axis(str),
    "engine": Axis(str),
    "model": Axis(str),
    "steps": Axis(int, "log"),
    "sample_rate": Axis(float, "log"),
    "learning_rate": Axis(float, "log"),
    "schedule": Axis(str),
    "optimizer": Axis(str),
    "ema_decay": Axis(float, "decay"),
    "weight_standardisation": Axis(bool),
    "trainable": Axis(str),
    "augmentation_multiplicity": Axis(int, "log"),
    "patients": Axis(int, "log"),
}
"""By name of the field. The expected batch is ``sample_rate`` times the number of units."""

OF_PRIVACY: Final = frozenset(field.name for field in fields(PrivacyConfig))
PRIVATE_ONLY: Final = OF_PRIVACY | {"engine"}
"""Settings that change nothing in a training without privacy."""
PROMISES: Final = frozenset({"target_epsilon", "noise_multiplier", "unit"})
"""Settings that weaken what is promised: of these the largest always scores best."""


def checked_values(name: str, values: Sequence[Value], train: TrainConfig) -> tuple[Value, ...]:
    """The values of one axis in their own type: 1 and 1.0 are the same learning rate.

    Args:
        name: of the axis.
        values: as given.
        train: settings beside which each value must make sense.

    Raises:
        BadInput: the name is unknown, there is no value, one stands twice, is of another type or
            out of its range.
    """
    kind = _known(name).kind
    if isinstance(values, str) or not values:
        raise BadInput(f"The axis {name} needs at least one value; leave it out otherwise.",
                       field=name)  # fmt: skip
    own = tuple(_of_kind(name, value, kind) for value in values)
    if len(set(own)) < len(own):
        raise BadInput(f"A value of the axis {name} stands twice; name each once.", field=name)
    for value in own:
        with_choices(train, {name: value})
        if name == "model":
            _check_model(str(value))
    return own


def checked_range(name: str, ends: Sequence[float], train: TrainConfig) -> tuple[float, float]:
    """The two ends of a range to draw from.

    Args:
        name: of the axis.
        ends: lowest and highest value.
        train: settings beside which both must make sense.

    Raises:
        BadInput: the name is unknown or has no order, or the ends are not two numbers in order
            and within what the setting allows.
    """
    axis = _known(name)
    if axis.scale is None:
        raise BadInput(
            f"{name} has no range between two values; name its values as an axis.", field=name
        )
    if len(ends) != 2 or not all(math.isfinite(end) for end in ends) or ends[0] >= ends[1]:
        raise BadInput(
            f"The range of {name} must be two numbers, the smaller one first, not {list(ends)}.",
            field=name,
        )
    if axis.scale == "log" and ends[0] <= 0:
        raise BadInput(f"The range of {name} must begin above 0, not at {ends[0]:g}.", field=name)
    checked_values(name, ends, train)
    return float(ends[0]), float(ends[1])


def drawn(name: str, ends: tuple[float, float], share: float) -> Value:
    """The value at a share, in [0, 1), of the way through a range; four significant digits."""
    low, high = ends
    axis = AXES[name]
    if axis.scale == "log":
        value = low * (high / low) ** share
    elif axis.scale == "decay":
        value = 1 - (1 - low) * ((1 - high) / (1 - low)) ** share
    else:
        value = low + share * (high - low)
    return settled(name, ends, value)


def settled(name: str, ends: tuple[float, float], value: float) -> Value:
    """A drawn value as it is written down: whole or of four significant digits, in its range."""
    short = round(value) if AXES[name].kind is int else float(f"{value:.4g}")
    return type(short)(min(max(short, ends[0]), ends[1]))


def with_choices(train: TrainConfig, choices: Mapping[str, Value]) -> TrainConfig:
    """Settings with some of them replaced; an infinite budget takes the privacy away.

    Raises:
        BadInput: a value is out of its range.
    """
    own = {name: value for name, value in choices.items() if name not in OF_PRIVACY}
    private = {name: value for name, value in choices.items() if name in OF_PRIVACY}
    if private.get("target_epsilon") == math.inf:
        own.pop("engine", None)
        return replace(train, privacy=None, **own)  # type: ignore[arg-type]  # checked by the config
    privacy = train.privacy
    if privacy is not None and private:
        swap = {"target_epsilon": "noise_multiplier", "noise_multiplier": "target_epsilon"}
        other = {swap[name]: None for name in private if name in swap}
        privacy = replace(privacy, **(other | private))  # type: ignore[arg-type]  # as above
    return replace(train, privacy=privacy, **own)  # type: ignore[arg-type]  # as above


def _known(name: str) -> Axis:
    if name not in AXES:
        raise BadInput(f"A study cannot vary {name!r}; it can vary {', '.join(AXES)}.", field=name)
    return AXES[name]


def _of_kind(name: str, value: Value, kind: type) -> Value:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is float and number:
        return float(value)
    if kind is int and number and float(value).is_integer():
        return int(value)
    if kind in (str, bool) and isinstance(value, kind):
        return value
    words = {float: "numbers", int: "whole numbers", bool: "true or false", str: "words"}
    raise BadInput(f"Values of the axis {name} are {words[kind]}, not {value!r}.", field=name)


def _check_model(name: str) -> None:
    """A misspelt network must not be found out in the middle of the night."""
    from workbench.models.catalogue import CATALOGUE

    if ":" not in name and name not in CATALOGUE:
        raise BadInput(
            f"There is no model {name!r}; choose {', '.join(CATALOGUE)}, "
            "or name your own as package.module:function.",
            field="model",
        )
