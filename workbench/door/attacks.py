"""Several attacks side by side in a line, for lessons and notebooks."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from IPython.core.getipython import get_ipython
from IPython.display import HTML, display

from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.door.training import TrainedRun
from workbench.errors import BadInput
from workbench.figures.attacked import attacked_html, attacked_numbers
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.job import Job
from workbench.runs.jobs import start
from workbench.runs.store import Store

MOST = 8
"""Attacks that one sheet has room for."""

WORK = "workbench.attacks.run:work"
_TOLD_EVERY = 0.3

Cases = Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Attacked:
    """Finished attacks, by name; the last line of a cell shows them as a sheet with a table.

    Attributes:
        runs: their ids in the store; ``workbench runs show`` takes them.
        results: as ``workbench attack --json`` prints them.
        arrays: truth, reconstruction and the rest of each.
    """

    runs: Mapping[str, str]
    results: Mapping[str, Mapping[str, Any]]
    arrays: Mapping[str, Mapping[str, np.ndarray]]

    def html(self) -> str:
        """The sheet and its table, as a piece of a page."""
        return attacked_html(
            attacked_numbers(
                {name: (result, self.arrays[name]) for name, result in self.results.items()}
            )
        )

    _repr_html_ = html


def attack_each(cases: Cases, *, seconds: float = 6.0, **common: Any) -> Attacked:
    """Carry out several attacks, two at a time in the background, and wait for them.

    Every one is recorded as a run. The attack on pure noise and the bounds are left out unless
    ``floor=True`` or ``bounds=True`` ask for them.

    Args:
        cases: fields of ``AttackConfig`` under a name for each, or a list of them, which names
            them by what they set; ``trained`` also takes what ``train`` returned. At most eight.
        seconds: that each attack may take.
        common: fields that all of them share.

    Raises:
        BadInput: a case cannot be carried out; none is then left running.
    """
    named = dict(cases) if isinstance(cases, Mapping) else {_name(case): case for case in cases}
    if len(named) != len(cases) or not 0 < len(named) <= MOST:
        raise BadInput(
            f"Give 1 to {MOST} cases that differ, not {len(cases)}: a sheet has no room for more.",
            field="cases",
        )
    shared = {"seconds": seconds, "floor": False, "bounds": False} | common
    configs = {name: config_of(name, shared | dict(case)) for name, case in named.items()}
    store, study = Store(), f"attacks-{uuid.uuid4().hex[:8]}"
    jobs = {
        name: start(WORK, config_to_json(config), kind="attack", store=store, study=study)
        for name, config in configs.items()
    }
    results = _waited_for(jobs)
    runs = {name: job.run for name, job in jobs.items()}
    arrays = {name: store.arrays(run) for name, run in runs.items()}
    return Attacked(runs=runs, results=results, arrays=arrays)


def _name(case: Mapping[str, Any]) -> str:
    words = (f"{key.replace('_', ' ')} {value}" for key, value in case.items())
    return ", ".join(words) or "as it is"


def config_of(name: str, values: dict[str, Any]) -> AttackConfig:
    """The config of a case; what is wrong is said with the case's name.

    Args:
        name: of the case.
        values: fields of ``AttackConfig``; an attack that only a malicious server can carry out
            names its server by itself.

    Raises:
        BadInput: a field is unknown or its value out of range.
    """
    run = values.get("trained")
    if isinstance(run, TrainedRun):
        values = {**values, "trained": run.id, "model": run.model}
    method = METHODS.get(values.get("attack", ""))
    if method is not None and method.server == "malicious":
        values = {"server": "malicious", **values}
    try:
        return config_from_json(AttackConfig, values)
    except BadInput as error:
        raise BadInput(f"{name}: {error.message}", field=error.field) from None


def _waited_for(jobs: Mapping[str, Job]) -> dict[str, dict[str, Any]]:
    tell = _teller()
    try:
        while any(job.status in ("waiting", "running", "paused") for job in jobs.values()):
            tell(sum(_share(job) for job in jobs.values()), len(jobs))
            time.sleep(_TOLD_EVERY)
        return {name: _result(name, job) for name, job in jobs.items()}
    finally:
        tell(0, 0)
        for job in jobs.values():
            job.cancel()


def _result(name: str, job: Job) -> dict[str, Any]:
    try:
        return job.result(timeout=5)
    except BadInput as error:
        raise BadInput(f"{name}: {error.message}", field=error.field) from None


def _share(job: Job) -> float:
    if job.status == "finished":
        return 1.0
    done, total = job.progress or (0.0, 1.0)
    return min(done / total, 0.99) if total else 0.0


def _teller() -> Callable[[float, int], None]:
    """Something that says how many attacks are done, where somebody reads it; (0, 0) ends it."""
    if getattr(get_ipython(), "kernel", None) is not None:
        handle = display(HTML(""), display_id=True)
        return lambda done, total: handle.update(HTML(_bar(done, total)))
    if sys.stderr.isatty():
        return lambda done, total: print(
            f"\r\033[K{done:.1f} of {total} attacks" if total else "\r\033[K",
            end="", file=sys.stderr, flush=True,
        )  # fmt: skip
    return lambda done, total: None


def _bar(done: float, total: int) -> str:
    if not total:
        return ""
    return (
        f'<progress max="{total}" value="{done:.2f}" aria-label="attacks done"></progress> '
        f"{done:.1f} of {total} attacks"
    )
