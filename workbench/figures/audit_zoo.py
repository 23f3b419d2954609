"""Which test catches which bug: a table of marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from workbench.auditing.zoo.tried import NO_BUG
from workbench.figures.page import Picture, Section, Table, draw_page
from workbench.figures.theme import PALETTE, make_figure

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "error counts": ("clopper-pearson",),
    "one run": ("steinke", "one-run-fdp"),
    "end to end": ("end-to-end",),
    "step by step": ("per-step",),
    "sensitivity": ("sensitivity",),
    "noise": ("noise",),
    "sampler": ("sampler",),
    "finiteness": ("finiteness",),
    "books": ("bookkeeping",),
}
"""Columns of the table, from the canaries' estimates to the rooms of the probes, by the names of
the tests or rooms that belong to each."""


class ZooRow(NamedTuple):
    """One bug.

    Attributes:
        bug: its name.
        title: in a few words.
        caught: families that falsify the claim.
        right: whether a bug was caught, or correct code was not.
        says: the audit's sentence.
    """

    bug: str
    title: str
    caught: tuple[str, ...]
    right: bool
    says: str


class ZooNumbers(NamedTuple):
    """The bugs audited so far, in their order; correct code is the first."""

    rows: tuple[ZooRow, ...]


def zoo_numbers(rows: Iterable[Mapping[str, Any]]) -> ZooNumbers:
    """The table, from rows as the zoo tells them.

    Args:
        rows: ``auditing.zoo.tried.Tried`` as values.
    """
    return ZooNumbers(tuple(_row(row) for row in rows))


def draw_zoo(numbers: ZooNumbers, *, height: int = 420) -> go.Figure:
    """A cross where a test catches a bug, a small dot where it sees nothing."""
    figure = make_figure(x_title="test", y_title="bug", height=height, hovermode="closest")
    cells = [(family, row, family in row.caught) for row in numbers.rows for family in FAMILIES]
    looks = {True: ("caught", "x", "vermillion", 11), False: ("nothing seen", "circle", "grey", 4)}
    for caught, (name, symbol, colour, size) in looks.items():
        shown = [(family, row) for family, row, is_caught in cells if is_caught is caught]
        figure.add_scatter(
            x=[family for family, _ in shown], y=[row.title for _, row in shown],
            mode="markers", name=name, text=[row.says for _, row in shown],
            marker={"symbol": symbol, "color": PALETTE[colour], "size": size},
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        )  # fmt: skip
    titles = [row.title for row in numbers.rows]
    figure.update_xaxes(
        categoryorder="array", categoryarray=list(FAMILIES), range=[-0.5, len(FAMILIES) - 0.5],
        tickangle=0, tickfont={"size": 11},
    )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=titles[::-1])
    return figure


def zoo_page(result: Mapping[str, Any]) -> str:
    """The report of a finished zoo as one HTML page that needs nothing else.

    Args:
        result: of ``auditing.zoo.table``.
    """
    numbers = zoo_numbers(result["rows"])
    bugs = [row for row in numbers.rows if row.bug != NO_BUG]
    lead = f"{sum(row.right for row in bugs)} of {len(bugs)} bugs caught, each audited for real."
    alarms = "Correct code was called broken by " + ", ".join(result["false_alarms"]) + "."
    missed = "Missed: " + ", ".join(result["missed"]) + "."
    rows = tuple((row.title, ", ".join(row.caught) or "nothing", row.says) for row in numbers.rows)
    section = Section(
        title="Which test catches which bug",
        paragraphs=(*([alarms] if result["false_alarms"] else []),
                    *([missed] if result["missed"] else [])),
        parts=(
            Picture(figure=draw_zoo(numbers), shows="Bugs and the tests that catch them"),
            Table(columns=("bug", "caught by", "what was found"), rows=rows),
        ),
    )  # fmt: skip
    return draw_page("The bug zoo", lead, [section])


def _row(row: Mapping[str, Any]) -> ZooRow:
    by = set(row["caught_by"])
    rooms = {room for test, room in row["rooms"].items() if test in by}
    caught = [name for name, members in FAMILIES.items() if (by | rooms) & set(members)]
    return ZooRow(
        bug=row["bug"],
        title=row["title"],
        caught=tuple(caught),
        right=bool(by) != (row["bug"] == NO_BUG),
        says=row["says"],
    )
