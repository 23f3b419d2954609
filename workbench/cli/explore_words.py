"""A study in the terminal: its table, and a line for what happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.cli.progress import duration
from workbench.exploring.events import (
    Explored,
    PretrainingBegun,
    PretrainingDone,
    TrialBegun,
    TrialFailed,
    TrialLost,
    UnderWay,
)
from workbench.exploring.scores import ALL_METRICS, better
from workbench.exploring.trial import place_words
from workbench.runs.events import Started

NOT_AXES = ("epsilon", "seed", "noise_multiplier", "run", "guarantee")


def table(rows: list[dict[str, Any]]) -> str:
    """The table for a person; a star stands at the best run of each epsilon."""
    if not rows:
        return "No training is finished yet."
    score = next(name for name in rows[0] if name in ALL_METRICS)
    axes = [name for name in rows[0] if name not in (*NOT_AXES, *ALL_METRICS)]
    head = "".join(f" {name:>{_width(name)}}" for name in axes)
    lines = [f"{'epsilon':>8} {'seed':>5}{head} {score:>8} {'noise':>8}  run"]
    best = _best(rows, score)
    for row in rows:
        others = "".join(f" {_word(row[name]):>{_width(name)}}" for name in axes)
        star = " *" if row["run"] in best else ""
        lines.append(
            f"{_word(row['epsilon']):>8} {row['seed']:>5}{others} {float(row[score]):>8.3f} "
            f"{row['noise_multiplier']:>8.3f}  {row['run']}{star}"
        )
    return "\n".join(lines)


def _best(rows: list[dict[str, Any]], score: str) -> set[str]:
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        before = found.get(row["epsilon"], {score: "nan"})
        if better(score, float(row[score]), float(before[score])):
            found[row["epsilon"]] = row
    return {row["run"] for row in found.values()}


def _width(name: str) -> int:
    return max(8, len(name))


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower()


def narrator() -> Callable[[Any], str | None]:
    """What is said of each event; of the time left, the newest estimate."""
    left = ""

    def say(event: Any) -> str | None:
        nonlocal left
        if isinstance(event, Started):
            return f"{event.facts['study']}: {event.facts['trials']} trainings"
        if isinstance(event, PretrainingBegun):
            return f"training on phantoms first ({event.run})"
        if isinstance(event, PretrainingDone):
            score = f"{event.score_name} {event.score:.3f}"
            return f"begun from the weights of {event.run} ({score} on phantoms)"
        if isinstance(event, UnderWay):
            seconds = event.seconds_left
            left = f"; about {duration(seconds)} left" if seconds else ""
            return None
        if not isinstance(event, (Explored, TrialBegun, TrialLost, TrialFailed)):
            return None
        place = place_words(event.epsilon, event.choices, event.seed)
        if isinstance(event, Explored):
            return f"{place}: {event.score_name} {event.score:.3f} ({event.run})"
        if isinstance(event, TrialBegun):
            return f"{place}: at work ({event.run}){left}"
        what = "begins anew" if isinstance(event, TrialLost) else "failed"
        return f"{place} {what}: {event.message}"

    return say
