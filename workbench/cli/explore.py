"""``workbench explore``: epsilon against utility, by real trainings."""

from __future__ import annotations

import argparse
import math
from typing import Any

from workbench.cli import train
from workbench.errors import BadInput, WorkbenchError

HELP = "train at several budgets and seeds; what is finished is never repeated"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The grid, and the settings of ``workbench train`` that all its runs share."""
    grid = parser.add_argument_group("the grid")
    grid.add_argument("--epsilons", default="1,3,8,inf", help="budgets, comma-separated")
    grid.add_argument("--seeds", type=int, default=2, help="runs at each budget")
    grid.add_argument("--at-once", type=int, default=2, help="trainings at the same time")
    train.arguments(parser, of_a_study=True)


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Carry the study out in background workers."""
    from workbench.cli.progress import narrate
    from workbench.exploring.sweep import Sweep
    from workbench.runs.events import to_json
    from workbench.runs.store import Store

    sweep = Sweep(config_of(args), Store(args.out), at_once=args.at_once)
    events = sweep.events()
    try:
        last = narrate(events, _say)
    finally:
        events.close()  # type: ignore[attr-defined]  # it is a generator: this stops the runs
    if sweep.failures:
        raise WorkbenchError(
            f"{len(sweep.failures)} of the trainings failed, the first because: "
            f"{sweep.failures[0].message} Start again to repeat only these."
        )
    rows: list[dict[str, Any]] = to_json(last.result)["explored"]  # type: ignore[attr-defined]
    return rows


def config_of(args: argparse.Namespace) -> Any:
    """The ``ExploreConfig`` that the words on the command line stand for.

    Raises:
        BadInput: a budget is not a number, or a setting is out of its range.
    """
    from workbench.exploring.config import ExploreConfig

    try:
        epsilons = tuple(float(word) for word in str(args.epsilons).split(","))
    except ValueError:
        raise BadInput(
            f"Epsilons must be numbers with commas between them, such as 1,3,inf, "
            f"not {args.epsilons!r}.",
            field="epsilons",
        ) from None
    # The base needs some budget to be a private config; every run puts its own in its place.
    args.target_epsilon = next((e for e in epsilons if 0 < e < math.inf), 1.0)
    return ExploreConfig(train=train.config_of(args), epsilons=epsilons, seeds=args.seeds)


def tell(rows: list[dict[str, Any]]) -> str:
    """The table for a person."""
    lines = [f"{'epsilon':>8} {'seed':>5} {'score':>8} {'noise':>8}  run"]
    for row in rows:
        score = row.get("dice", row.get("auroc"))
        lines.append(
            f"{row['epsilon']:>8} {row['seed']:>5} {score:>8.3f} "
            f"{row['noise_multiplier']:>8.3f}  {row['run']}"
        )
    return "\n".join(lines)


def _say(event: Any) -> str | None:
    from workbench.exploring.events import Explored, TrialFailed

    if isinstance(event, Explored):
        return (
            f"epsilon {event.epsilon:g}, seed {event.seed}: "
            f"{event.score_name} {event.score:.3f} ({event.run})"
        )
    if isinstance(event, TrialFailed):
        return f"epsilon {event.epsilon:g}, seed {event.seed} failed: {event.message}"
    return None
