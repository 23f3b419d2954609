"""What a study has found, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.exploring.events import Explored


def rows(explored: Iterable[Explored]) -> list[dict[str, Any]]:
    """One row for each run with its place on all axes, by epsilon, the other axes and seed.

    The study's metric comes before the other scores.
    """
    return [_row(one) for one in sorted(explored, key=_place)]


def _place(one: Explored) -> tuple[Any, ...]:
    # Words and numbers do not compare with each other or with nothing.
    others = tuple(
        (value is not None, isinstance(value, str), value if value is not None else 0)
        for _, value in sorted(one.choices.items())
    )
    return one.epsilon, others, one.seed


def _row(one: Explored) -> dict[str, Any]:
    return {
        "epsilon": one.epsilon,
        "seed": one.seed,
        **one.choices,
        one.score_name: one.score,
        **one.scores,
        "noise_multiplier": one.noise_multiplier,
        "run": one.run,
        "guarantee": one.guarantee,
    }
