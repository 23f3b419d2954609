"""Predict, break, catch: an exercise about a bug, in a line."""

from __future__ import annotations

from typing import Any

from workbench.auditing.every import SMALL
from workbench.auditing.zoo.catalogue import BUGS
from workbench.door.auditing import audit
from workbench.errors import check_choice
from workbench.figures.audit_page import findings_html
from workbench.panels.audit_words import caught_in
from workbench.panels.exercise import Exercise

_QUESTION = "What catches it?"


def catch(bug: str, *, hint: str, question: str = _QUESTION, **settings: Any) -> Exercise:
    """Plant a bug, audit it, and show what caught it once somebody has predicted that.

    Nothing of the answer is written down beforehand: it is what was measured here and now, on an
    audit of small size.

    Args:
        bug: a key of ``auditing.zoo.catalogue.BUGS``.
        hint: said after a wrong answer.
        question: what is to be predicted.
        settings: fields of ``AuditConfig``.

    Raises:
        BadInput: there is no such bug, or the audit cannot be made.
    """
    check_choice("bug", bug, tuple(BUGS))
    found = audit(bug=bug, **{**SMALL, **settings})
    measured = caught_in(found.result)
    return Exercise(question, measured, hint=hint, shown=findings_html(found.result))
