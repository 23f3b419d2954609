"""Epsilon while a training runs: cheap, and never below what was spent."""

from __future__ import annotations

import math
from collections.abc import Callable

_POINTS = 40


class EpsilonMeter:
    """Epsilon at about forty step counts, computed when first needed.

    Between two of them the later one is shown: epsilon only grows, so that is an upper bound.

    Args:
        exact: steps to the epsilon to report; asked for the last step only. ``None`` for a run
            without privacy, whose epsilon is always infinite.
        total: steps planned.
        quick: steps to an upper bound of it, for the steps before; ``None`` takes ``exact``.
    """

    def __init__(
        self,
        exact: Callable[[int], float] | None,
        total: int,
        quick: Callable[[int], float] | None = None,
    ) -> None:
        self._exact, self._quick = exact, quick or exact
        self._stride = max(1, math.ceil(total / _POINTS))
        self._total = total
        self._known: dict[int, float] = {}

    def at(self, step: int) -> float:
        if self._exact is None or self._quick is None:
            return math.inf
        ahead = min(math.ceil(step / self._stride) * self._stride, self._total)
        if ahead not in self._known:
            compute = self._exact if ahead == self._total else self._quick
            self._known[ahead] = compute(ahead)
        return self._known[ahead]
