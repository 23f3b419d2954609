"""``workbench audit reconstruction``: which of many slices was among the records?"""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli.audit_pages import write_report
from workbench.errors import BadInput

_OTHERS = (
    "training", "bug", "unit", "adjacency", "optimizer", "physical_batch", "canaries", "nulls",
    "task", "noise", "level", "accept", "run", "references", "signal",
)  # fmt: skip
"""Words of other audits."""


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train and attack again and again; the success stands beside its bound."""
    from dataclasses import fields

    from workbench.auditing.robustness.config import MatchingConfig
    from workbench.cli.progress import carried_out
    from workbench.runs.configs import config_to_json
    from workbench.runs.store import Store

    for word in _OTHERS:
        if vars(args)[word] is not None:
            raise BadInput(
                f"--{word.replace('_', '-')} says nothing of a reconstruction; leave it out.",
                field=word,
            )
    names = {field.name for field in fields(MatchingConfig)}
    given = {n: value for n, value in vars(args).items() if n in names and value is not None}
    config, store = config_to_json(MatchingConfig(**given)), Store(args.out)
    work = "workbench.auditing.robustness.matching:work"
    result = carried_out("reconstruction", work, config, store, lambda event: None)
    if args.report is not None:
        from workbench.figures.audit_rero_page import reconstruction_page

        write_report(args.report, reconstruction_page(result, store.arrays(result["run"])))
    return result
