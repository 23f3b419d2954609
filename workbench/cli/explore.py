"""``workbench explore``: epsilon against utility, by real trainings."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from workbench.cli.explore_options import recalled_study, study_arguments, study_of
from workbench.cli.train_options import train_arguments
from workbench.errors import WorkbenchError

HELP = "train at several budgets, seeds and settings; what is finished is never repeated"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The study, and the settings of ``workbench train`` that all its runs share."""
    study_arguments(parser)
    train_arguments(parser, of_a_study=True)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Carry the study out in background workers.

    Returns:
        Its name, one row for each finished training, how many are left, what looking at all of
        this has cost, and the report where one was asked for.
    """
    from workbench.cli.explore_words import narrator
    from workbench.cli.progress import narrate
    from workbench.exploring.sweep import Sweep
    from workbench.runs.events import to_json
    from workbench.runs.store import Store

    store = Store(args.out)
    config = study_of(args) if args.study is None else recalled_study(args, store)
    sweep = Sweep(config, store, at_once=args.at_once, scheduler=args.scheduler)
    events = sweep.events()
    try:
        last = narrate(events, narrator())
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
    price = _price(config, result["explored"], store)
    report = _exported(args, config, store)
    return {"study": config.study, **result, "price": price, "report": report}


def _exported(args: argparse.Namespace, config: Any, store: Any) -> str | None:
    """Where the study was written to; ``None`` where nobody asked."""
    if args.export is None:
        return None
    from workbench.figures.study_page import export_study

    return str(export_study(config, store, args.export)[0])


def _price(config: Any, rows: list[dict[str, Any]], store: Any) -> dict[str, Any] | None:
    """What looking has cost, as numbers and in ``words``; ``None`` where nobody was protected."""
    from workbench.accounting.ledger.ledger import Ledger
    from workbench.exploring.study_price import drawn, price_facts, price_lines, price_of_study
    from workbench.runs.events import to_json

    free = drawn(config.train.data)
    found = price_of_study([row["run"] for row in rows], store, Ledger(store.root))
    facts = price_facts(found, free=free)
    return None if facts is None else to_json({**facts, "words": price_lines(found, free=free)})


def tell(result: dict[str, Any]) -> str:
    """The table for a person, and the price of having looked at it."""
    from workbench.cli.explore_words import table

    price = result["price"] or {"words": []}
    return "\n".join(
        [table(result["explored"]), *([""] if price["words"] else []), *price["words"]]
    )
