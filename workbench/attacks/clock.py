"""How much time an attack has."""

from __future__ import annotations

from time import monotonic


class Clock:
    """Seconds since it was made, of a budget.

    Args:
        budget: seconds, > 0.
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._began = monotonic()

    @property
    def elapsed(self) -> float:
        return monotonic() - self._began

    @property
    def share(self) -> float:
        """Of the budget that has passed, at most 1."""
        return min(self.elapsed / self.budget, 1.0)

    @property
    def over(self) -> bool:
        return self.elapsed >= self.budget

    def part(self, share: float) -> Clock:
        """A clock for this share of the budget, or for what is left of it if that is less."""
        return Clock(max(min(share * self.budget, self.budget - self.elapsed), 1e-9))
