"""``workbench audit``: try to refute the privacy that a training claims; a gate for CI."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from workbench.cli import audit_membership, audit_reconstruction
from workbench.cli.audit_options import add_options
from workbench.cli.audit_pages import write_report

HELP = "try to refute the privacy that a training claims: status 0 nothing found, 1 falsified"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The settings of ``AuditConfig``; what is left out takes its default."""
    add_options(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Audit here and now, recording the runs; progress goes to standard error."""
    if args.list:
        return _known()
    from workbench.cli.threads import one_thread

    one_thread()
    # A training of one's own lies where one stands, as it does for python -m.
    sys.path.insert(0, os.getcwd())
    commands = {
        "mechanism": _one,
        "every": _every,
        "zoo": _zoo,
        "reconstruction": audit_reconstruction.run,
        "membership": audit_membership.run,
    }
    return commands[args.what](args)


def status(result: Mapping[str, Any]) -> int:
    """1 where a claim is falsified, or where a bug of the zoo was missed; else 0."""
    from workbench.auditing.verdict import FALSIFIED

    wrong = result.get("missed") or result.get("false_alarms")
    return int(result.get("verdict") == FALSIFIED or bool(wrong))


def tell(result: Mapping[str, Any]) -> str:
    """The result for a person."""
    from workbench.cli.audit_words import words_for

    return words_for(result)


def _one(args: argparse.Namespace) -> dict[str, Any]:
    from workbench.runs.store import Store

    store = Store(args.out)
    result = _carried_out(config_of(args), store)
    if args.report is not None:
        from workbench.figures.audit_page import audit_page

        write_report(args.report, audit_page(result, store.arrays(result["run"])))
    return result


def _every(args: argparse.Namespace) -> dict[str, Any]:
    """All engines in every way that they are used; one falsified claim falsifies all."""
    import uuid

    from workbench.auditing.every import every
    from workbench.auditing.verdict import FALSIFIED, NOTHING_FOUND
    from workbench.errors import BadInput
    from workbench.runs.store import Store

    if args.report is not None:
        raise BadInput(
            "A page shows one audit, and there are many of them here; leave out --report.",
            field="report",
        )
    store, study = Store(args.out), f"audit-{uuid.uuid4().hex[:8]}"
    audits = {
        name: _carried_out(config, store, study)
        for name, config in every(nightly=args.nightly).items()
    }
    caught = [name for name, result in audits.items() if status(result)]
    seconds = sum(result["seconds"] for result in audits.values())
    verdict = FALSIFIED if caught else NOTHING_FOUND
    return {"verdict": verdict, "caught": caught, "seconds": seconds, "audits": audits}


def config_of(args: argparse.Namespace) -> Any:
    """The ``AuditConfig`` that the words on the command line, or a run and they, stand for.

    Raises:
        BadInput: a value is out of its range, or the run has nothing to audit.
    """
    from dataclasses import fields

    from workbench.auditing.config import AuditConfig

    names = {field.name for field in fields(AuditConfig)}
    given = {
        name: value for name, value in vars(args).items() if name in names and value is not None
    }
    if args.run is not None:
        from workbench.auditing.recorded import audit_of
        from workbench.runs.store import Store

        given = audit_of(Store(args.out).record(args.run)) | given
    return AuditConfig(**given | {"accept": tuple(given.get("accept", ()))})


def _carried_out(config: Any, store: Any, study: str | None = None) -> dict[str, Any]:
    from workbench.cli.progress import carried_out
    from workbench.runs.configs import config_to_json

    work, values = "workbench.auditing.audit:work", config_to_json(config)
    return carried_out("audit", work, values, store, _say, study)


def _say(event: Any) -> str | None:
    from workbench.auditing.events import Probed
    from workbench.runs.events import Started

    if isinstance(event, Started):
        facts = event.facts
        return f"{facts['engine']}, {facts['network']}: {facts['statement']}"
    if isinstance(event, Probed) and event.caught:
        return f"  caught by {event.test}: {event.says}"
    return None


def _known() -> dict[str, Any]:
    from workbench.auditing.trainings.catalogue import TRAININGS
    from workbench.auditing.zoo.catalogue import BUGS

    return {
        "engines": dict(TRAININGS),
        "bugs": {name: bug.says for name, bug in BUGS.items()},
    }


def _zoo(args: argparse.Namespace) -> dict[str, Any]:
    """Audit every bug and no bug: which test catches which."""
    from workbench.cli.progress import carried_out
    from workbench.runs.store import Store

    result = carried_out("zoo", "workbench.auditing.zoo.table:work", {}, Store(args.out), _say)
    if args.report is not None:
        from workbench.figures.audit_zoo import zoo_page

        write_report(args.report, zoo_page(result))
    return result
