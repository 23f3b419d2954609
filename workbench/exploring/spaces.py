"""What a study searches at each promise: the settings that stay, and those that are free."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.exploring.axes import PRIVATE_ONLY, PROMISES, Value
from workbench.exploring.search import Point, grid, random

if TYPE_CHECKING:
    from workbench.exploring.config import ExploreConfig


@dataclass(frozen=True)
class Space:
    """What is searched at one promise.

    Attributes:
        promise: the settings that stay.
        axes: by name the values to choose from.
        ranges: by name the lowest and highest value.
    """

    promise: Point
    axes: dict[str, tuple[Value, ...]]
    ranges: dict[str, tuple[float, float]]

    @property
    def free(self) -> bool:
        """Whether there is anything to choose."""
        return bool(self.axes or self.ranges)

    def spread(self, most: int) -> Iterator[Point]:
        """So many points, spread evenly; of few values some come more than once."""
        if not self.free:
            return iter([self.promise])
        points = itertools.islice(random(self.axes, self.ranges), most)
        return ({**self.promise, **point} for point in points)


def spaces(config: ExploreConfig) -> list[Space]:
    """One space for each promise that the study compares, in the order of its values."""
    fixed = {name: values for name, values in config.axes.items() if name in PROMISES}
    if config.epsilons:
        fixed["target_epsilon"] = config.epsilons
    found: list[Space] = []
    for promise in grid(fixed):
        bare = promise.get("target_epsilon") == math.inf
        idle = PRIVATE_ONLY if bare else PROMISES
        space = Space(
            {"target_epsilon": math.inf} if bare else promise,
            {name: values for name, values in config.axes.items() if name not in idle},
            {name: ends for name, ends in config.ranges.items() if name not in idle},
        )
        if space not in found:
            found.append(space)
    return found
