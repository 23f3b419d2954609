"""The zoo's table: a cross where a family of tests caught a bug, nowhere else."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.auditing.zoo.catalogue import BUGS
from workbench.auditing.zoo.tried import NO_BUG
from workbench.figures.audit_zoo import FAMILIES, draw_zoo, zoo_numbers, zoo_page

ROOMS = {
    "noise-variance": "noise",
    "sensitivity-natural": "sensitivity",
    "steps-charged": "bookkeeping",
}
TESTS = {**ROOMS, "per-step": "step by step", "steinke": "one run", "one-run-fdp": "one run"}
NAMES = {"bookkeeping": "books"}


def row(bug: str, *by: str) -> dict[str, Any]:
    title = "No bug" if bug == NO_BUG else BUGS[bug].title
    return {"bug": bug, "title": title, "caught_by": by, "rooms": ROOMS, "says": f"about {bug}"}


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from(sorted(TESTS))))
def test_a_bug_is_marked_under_every_family_that_caught_it(by: set[str]) -> None:
    found = zoo_numbers([row("batch-norm", *by)]).rows[0]
    families = {NAMES.get(TESTS[test], TESTS[test]) for test in by}
    assert set(found.caught) == families
    assert found.right == bool(by)


def test_correct_code_is_right_where_nothing_caught_it() -> None:
    quiet, alarmed = zoo_numbers([row(NO_BUG), row(NO_BUG, "per-step")]).rows
    assert quiet.right
    assert not alarmed.right


def test_marks_differ_in_shape_and_every_cell_has_one() -> None:
    rows = [row(NO_BUG), row("batch-norm", "sensitivity-natural"), row("nan-passes", "per-step")]
    figure = draw_zoo(zoo_numbers(rows))
    caught, nothing = figure.data
    assert caught.marker.symbol != nothing.marker.symbol
    assert set(zip(caught.x, caught.y, strict=True)) == {
        ("sensitivity", BUGS["batch-norm"].title), ("step by step", BUGS["nan-passes"].title),
    }  # fmt: skip
    assert len(caught.x) + len(nothing.x) == len(rows) * len(FAMILIES)
    assert caught.text[0] == "about batch-norm"


def test_the_correct_code_stands_on_top() -> None:
    order = draw_zoo(zoo_numbers([row(NO_BUG), row("batch-norm")])).layout.yaxis.categoryarray
    assert order[-1] == "No bug"


def test_the_zoo_can_be_drawn_before_it_is_run() -> None:
    assert [len(trace.x) for trace in draw_zoo(zoo_numbers([])).data] == [0, 0]


def test_the_page_counts_and_says_what_went_wrong() -> None:
    rows = [row(NO_BUG, "per-step"), row("batch-norm", "sensitivity-natural"), row("nan-passes")]
    page = zoo_page({"rows": rows, "missed": ["nan-passes"], "false_alarms": ["per-step"]})
    assert "1 of 2 bugs caught" in page
    assert "Correct code was called broken by per-step." in page
    assert "Missed: nan-passes." in page
    quiet = zoo_page({"rows": rows[1:2], "missed": [], "false_alarms": []})
    assert "Missed" not in quiet
    assert "called broken" not in quiet
