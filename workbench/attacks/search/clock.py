"""How much time an attack has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic, process_time

_reading: ContextVar[Callable[[], float]] = ContextVar("reading", default=lambda: monotonic())


@contextmanager
def processor_seconds() -> Iterator[None]:
    """Clocks made inside count this process' processor time instead of the time on the wall.

    For benchmarks: on a machine that does other things too, an attack then gets the same work.
    """
    token = _reading.set(process_time)
    try:
        yield
    finally:
        _reading.reset(token)


class Clock:
    """Seconds since it was made, of a budget.

    Args:
        budget: seconds, > 0.
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._read = _reading.get()
        self._began = self._read()

    @property
    def elapsed(self) -> float:
        return self._read() - self._began

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
