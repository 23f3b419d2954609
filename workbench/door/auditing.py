"""Audit a training in a line, for notebooks, scripts and tests of one's own project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.auditing.claim import Claim
from workbench.auditing.trainings.catalogue import TRAININGS
from workbench.auditing.verdict import FALSIFIED
from workbench.errors import BadInput
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.runs.work import outcome

if TYPE_CHECKING:
    from workbench.auditing.exam import Exam


@dataclass(frozen=True, kw_only=True, eq=False)
class Audited:
    """A finished audit; the last line of a cell shows it as a page.

    Attributes:
        id: its name in the store; ``workbench runs show`` takes it.
        result: as ``workbench audit --json`` prints it.
        arrays: of its figures.
    """

    id: str
    result: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def falsified(self) -> bool:
        """Whether the claim fell; ``assert not audited.falsified`` makes a test of it."""
        return bool(self.result["verdict"] == FALSIFIED)

    def __str__(self) -> str:
        return str(self.result["says"])

    def html(self) -> str:
        """The report as one page that needs nothing else."""
        from workbench.figures.audit_page import audit_page

        return audit_page(self.result, self.arrays)


def audit(
    training: str | Callable[[Exam], None] = "bookkeeping",
    *,
    claim: Claim | Mapping[str, Any] | None = None,
    **settings: Any,
) -> Audited:
    """Try to refute what a training claims, here and now, and record the run.

    A training of your own takes what an ``auditing.exam.Exam`` gives it and shows every step::

        def train(exam):
            optimizer = torch.optim.SGD(exam.model.parameters(), lr=exam.learning_rate)
            for step in range(exam.steps):
                drawn = ...                              # numbers of records, at exam.sample_rate
                losses = exam.forward(exam.model, drawn)  # one for each record
                ...                                      # clip, add noise, scale
                optimizer.step()
                exam.observe()

    Args:
        training: the name of an engine, ``"package.module:function"``, or a function of your own
            that takes an ``auditing.exam.Exam``.
        claim: noise multiplier, sample rate, steps, delta, unit and adjacency; of a training of
            your own it must be complete.
        settings: fields of ``AuditConfig``.

    Raises:
        BadInput: the claim cannot be audited, or the training does not sit the exam.
    """
    config = _config(training, claim, settings)
    store = Store()
    values = config_to_json(config)
    run = store.open("audit", values)
    *_, last = drive("workbench.auditing.audit:work", values, run=run, store=store)
    result = outcome(last)
    return Audited(id=run, result=result, arrays=store.arrays(run))


def _config(
    training: str | Callable[[Exam], None],
    claim: Claim | Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> Any:
    from workbench.auditing.config import AuditConfig
    from workbench.auditing.own import hand_in

    if callable(training):
        whose = {"training": hand_in(training)}
    elif training in TRAININGS:
        whose = {"engine": training}
    elif ":" in training:
        whose = {"training": training}
    else:
        raise BadInput(
            f"There is no engine {training!r}; choose {', '.join(TRAININGS)}, or give your own "
            "training as a function or as package.module:function.",
            field="engine",
        )
    stated = asdict(claim) if isinstance(claim, Claim) else dict(claim or {})
    return config_from_json(AuditConfig, {**whose, **stated, **settings})
