"""Attacks on the membership of a finished model, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.figures.audit_roc import draw_roc, roc_numbers
from workbench.figures.page import Picture, Section, Table, draw_page
from workbench.runs.events import from_json


def membership_page(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """The report of finished attacks on membership as one HTML page that needs nothing else.

    Args:
        result: of ``auditing.membership``.
        arrays: that belong to it.
    """
    result = from_json(dict(result))
    rows = tuple(
        (one["label"], f"{one['auc']['value']:.3f} ({one['auc']['low']:.3f} to "
         f"{one['auc']['high']:.3f})", *map(rate_words, one["rates"]),
         f"{one['epsilon_steinke']:.2f}", one["about"])
        for one in result["attacks"].values()
    )  # fmt: skip
    first = next(iter(result["attacks"].values()))
    at = [f"found at {100 * rate['at']:g} %" for rate in first["rates"]]
    section = Section(
        title="What these attackers achieved",
        paragraphs=tuple(result["words"]),
        parts=(
            Picture(figure=draw_roc(roc_numbers(result, arrays)), shows="ROC curves, log-log"),
            Table(columns=("attack", "AUC", *at, "ε at least", "how"), rows=rows),
        ),
        notes=("Rates in brackets rest on too few strangers to be relied on.",),
    )
    return draw_page(
        "Membership of a finished model", f"Attacks on run {result['target']}.", [section]
    )


def rate_words(rate: Mapping[str, Any]) -> str:
    """A share of members found, in brackets where it cannot be relied on."""
    said = f"{100 * rate['value']:.1f}\N{NO-BREAK SPACE}%"
    return said if rate["reliable"] else f"({said})"
