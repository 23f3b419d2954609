"""``workbench audit membership``: who was among the records of a finished model?"""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli.audit_pages import write_report
from workbench.errors import BadInput

_OF_TRAINING = {
    "data": "data", "model": "network", "task": "task", "steps": "steps", "engine": "engine",
    "sample_rate": "sample_rate", "optimizer": "optimizer", "image_size": "size",
    "noise_multiplier": "noise_multiplier", "delta": "delta", "unit": "unit",
    "max_grad_norm": "max_grad_norm", "noise": "noise",
}  # fmt: skip
"""Settings of ``TrainConfig`` and ``PrivacyConfig``, and the words here that stand for them."""

_OF_MEMBERSHIP = ("references", "signal", "confidence")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Attack the membership of a finished run, or of a training that these words describe."""
    from workbench.auditing.membership.audit import MembershipAudit
    from workbench.cli.progress import narrate
    from workbench.runs.events import Finished, to_json
    from workbench.runs.store import Store

    config = membership_of(args)
    events = MembershipAudit(config, Store(args.out)).events()
    try:
        last = narrate(events, lambda event: None)
    finally:
        events.close()  # type: ignore[attr-defined]  # it is a generator: this stops the runs
    assert isinstance(last, Finished)
    if args.report is not None:
        from workbench.figures.audit_membership_page import membership_page

        write_report(args.report, membership_page(last.result, last.arrays))
    result: dict[str, Any] = to_json(last.result)
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
