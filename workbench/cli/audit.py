"""``workbench audit``: try to refute the privacy that a training claims; a gate for CI."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from workbench.cli.audit_options import add_options
from workbench.errors import BadInput

HELP = "try to refute the privacy that a training claims: status 0 nothing found, 1 falsified"

_OF_TRAINING = {
    "data": "data", "model": "network", "task": "task", "steps": "steps", "engine": "engine",
    "sample_rate": "sample_rate", "optimizer": "optimizer", "image_size": "size",
    "noise_multiplier": "noise_multiplier", "delta": "delta", "unit": "unit",
    "max_grad_norm": "max_grad_norm", "noise": "noise",
}  # fmt: skip
"""Settings of ``TrainConfig`` and ``PrivacyConfig``, and the words here that stand for them."""

_OF_MEMBERSHIP = ("references", "signal", "confidence")


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
    return {"mechanism": _one, "every": _every, "zoo": _zoo, "membership": _membership}[args.what](
        args
    )


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

    return _carried_out(config_of(args), Store(args.out), args)


def _every(args: argparse.Namespace) -> dict[str, Any]:
    """All engines in every way that they are used; one falsified claim falsifies all."""
    import uuid

    from workbench.auditing.every import every
    from workbench.auditing.verdict import FALSIFIED, NOTHING_FOUND
    from workbench.runs.store import Store

    store, study = Store(args.out), f"audit-{uuid.uuid4().hex[:8]}"
    audits = {
        name: _carried_out(config, store, args, study)
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


def _carried_out(
    config: Any, store: Any, args: argparse.Namespace, study: str | None = None
) -> dict[str, Any]:
    from workbench.cli.progress import narrate
    from workbench.runs.configs import config_to_json
    from workbench.runs.inline import drive
    from workbench.runs.work import outcome

    values = config_to_json(config)
    name = store.open("audit", values, study=study)
    last = narrate(drive("workbench.auditing.audit:work", values, run=name, store=store), _say)
    result = outcome(last)
    if args.report is not None:
        _write_report(args.report, result, store.arrays(name))
    return {"run": name, **result}


def _write_report(path: Any, result: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    from workbench.figures.audit_page import audit_page
    from workbench.runs.files import write_whole

    page = audit_page(result, arrays).encode()
    write_whole(path, lambda file: file.write(page))


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
    from workbench.cli.progress import narrate
    from workbench.runs.inline import drive
    from workbench.runs.store import Store
    from workbench.runs.work import outcome

    store = Store(args.out)
    name = store.open("zoo", {})
    return {
        "run": name,
        **outcome(
            narrate(drive("workbench.auditing.zoo.table:work", {}, run=name, store=store), _say)
        ),
    }


def _membership(args: argparse.Namespace) -> dict[str, Any]:
    """Attack the membership of a finished run, or of a training that these words describe."""
    from workbench.auditing.membership.audit import MembershipAudit
    from workbench.cli.progress import narrate
    from workbench.runs.events import to_json
    from workbench.runs.store import Store

    config = membership_of(args)
    events = MembershipAudit(config, Store(args.out)).events()
    try:
        last = narrate(events, lambda event: None)
    finally:
        events.close()  # type: ignore[attr-defined]  # it is a generator: this stops the runs
    result: dict[str, Any] = to_json(last.result)  # type: ignore[attr-defined]  # Finished
    return result


def membership_of(args: argparse.Namespace) -> Any:
    """The ``MembershipConfig`` that the words on the command line stand for.

    Raises:
        BadInput: a value is out of its range, or a run and a training are both described.
    """
    from workbench.auditing.membership.config import MembershipConfig
    from workbench.training.config import train_config

    words = vars(args)
    train = {name: words[word] for name, word in _OF_TRAINING.items() if words[word] is not None}
    more = {name: words[name] for name in _OF_MEMBERSHIP if words[name] is not None}
    if args.run is not None and not train:
        return MembershipConfig(run=args.run, **more)
    if args.run is not None:
        raise BadInput(
            f"Run {args.run} has settings of its own; leave out --{next(iter(train))}.",
            field="run",
        )
    return MembershipConfig(train=train_config(**train), **more)
