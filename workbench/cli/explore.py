"""``workbench explore``: epsilon against utility, by real trainings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from workbench.cli import train
from workbench.cli.explore_options import recalled_study, study_arguments, study_of
from workbench.errors import WorkbenchError

HELP = "train at several budgets, seeds and settings; what is finished is never repeated"

NOT_AXES = ("epsilon", "seed", "noise_multiplier", "run", "guarantee")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The study, and the settings of ``workbench train`` that all its runs share."""
    study_arguments(parser)
    train.arguments(parser, of_a_study=True)


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Carry the study out in background workers."""
    from workbench.cli.progress import narrate
    from workbench.exploring.sweep import Sweep
    from workbench.runs.events import to_json
    from workbench.runs.store import Store

    store = Store(args.out)
    config = study_of(args) if args.study is None else recalled_study(args, store)
    sweep = Sweep(config, store, at_once=args.at_once)
    events = sweep.events()
    try:
        last = narrate(events, _narrator())
    finally:
        events.close()  # type: ignore[attr-defined]  # it is a generator: this stops the runs
    if sweep.failures:
        raise WorkbenchError(
            f"{len(sweep.failures)} of the trainings failed, the first because: "
            f"{sweep.failures[0].message} Start again to repeat only these."
        )
    result = to_json(last.result)  # type: ignore[attr-defined]  # the last event is Finished
    if result["left"]:
        print(
            f"The {config.minutes:g} minutes are over with {result['left']} trainings left; go on "
            f"with --study {config.study}.",
            file=sys.stderr,
        )
    rows: list[dict[str, Any]] = result["explored"]
    return rows


def tell(rows: list[dict[str, Any]]) -> str:
    """The table for a person; a star stands at the best run of each epsilon."""
    if not rows:
        return "No training is finished yet."
    score = next(name for name in rows[0] if name in ("dice", "auroc", "balanced_accuracy", "mcc"))
    axes = [name for name in rows[0] if name not in (*NOT_AXES, score)]
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
        if float(row[score]) > float(found.get(row["epsilon"], {score: "-inf"})[score]):
            found[row["epsilon"]] = row
    return {row["run"] for row in found.values()}


def _width(name: str) -> int:
    return max(8, len(name))


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower()


def _narrator() -> Callable[[Any], str | None]:
    """What is said of each event; of the time left, the newest estimate."""
    from workbench.cli.progress import duration
    from workbench.exploring.events import Explored, TrialBegun, TrialFailed, TrialLost, UnderWay
    from workbench.exploring.trial import place_words
    from workbench.runs.events import Started

    left = ""

    def say(event: Any) -> str | None:
        nonlocal left
        if isinstance(event, Started):
            return f"{event.facts['study']}: {event.facts['trials']} trainings"
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
