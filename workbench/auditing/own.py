"""A person's own training under audit, by its path or as it stands in a notebook."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from workbench.auditing.exam import Exam, Training
from workbench.auditing.transcript import Transcript
from workbench.errors import BadInput

_HERE = "notebook"
_handed_in: dict[str, Training] = {}


def hand_in(training: Training) -> str:
    """Give a function that only this process knows a path under which audits here find it."""
    path = f"{_HERE}:{getattr(training, '__name__', type(training).__name__)}"
    _handed_in[path] = training
    return path


def own_training(path: str) -> Training:
    """The training behind a path.

    Args:
        path: ``"package.module:function"``, or what :func:`hand_in` gave.

    Raises:
        BadInput: it cannot be found, or nothing there can be called.
    """
    if path in _handed_in:
        return _handed_in[path]
    module, _, name = path.partition(":")
    try:
        found: Callable[[Exam], None] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInput(
            f"Your training {path} cannot be found ({error}); "
            "name an importable module and a function in it, as package.module:function.",
            field="training",
        ) from None
    if not callable(found):
        raise BadInput(
            f"{path} is no function; name one that takes an Exam and trains.", field="training"
        )
    return found


def check_sat(exam: Exam, transcript: Transcript) -> None:
    """Refuse a training that left the exam before anything could be seen.

    Raises:
        BadInput: no step was observed, or no record ever came.
    """
    if transcript.steps == 0:
        raise BadInput(
            "The training showed no step; it must call exam.observe() after every step of its "
            "optimizer.",
            field="training",
        )
    if not transcript.visits.any() and exam.sample_rate * exam.records.unit_count >= 1:
        raise BadInput(
            "The training showed no record to exam.model; it must compute its losses with "
            "exam.forward or call exam.model in training mode.",
            field="training",
        )
