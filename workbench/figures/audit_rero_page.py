"""A reconstruction audit on one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from workbench.figures.audit_rero import Guess, draw_rero, percent, rero_numbers
from workbench.figures.page import Picture, Section, Table, draw_page

_COLUMNS: Final = ("guessed", "right in", "interval", "blindly", "at most")


def reconstruction_page(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """The report of a finished attack as one HTML page that needs nothing else.

    Args:
        result: of ``auditing.robustness.matching``.
        arrays: that belong to it.
    """
    numbers = rero_numbers(result, arrays)
    section = Section(
        title="What an attacker who knows everything else could name",
        paragraphs=tuple(result["words"]),
        parts=(
            Picture(
                figure=draw_rero(numbers),
                shows="share of right guesses over that of blind guesses, log-log",
            ),
            Table(columns=_COLUMNS, rows=tuple(map(_row, numbers.guesses))),
        ),
        notes=(f"Claimed: {result['statement']}",),
    )
    return draw_page(
        f"Reconstruction: {result['verdict']}",
        f"{result['trials']} trainings through {result['engine']} were attacked, each with one of "
        f"{result['candidates']} slices among its records.",
        [section],
    )


def _row(guess: Guess) -> tuple[str, ...]:
    return (
        f"{guess.name} (above the bound)" if guess.broken else guess.name,
        f"{guess.correct}",
        f"{percent(guess.low)} to {percent(guess.high)}",
        percent(guess.kappa),
        percent(guess.bound),
    )
