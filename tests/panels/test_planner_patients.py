"""How many patients it would take: a folded part of the planner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.model import PanelModel
from workbench.panels.planner import PlannerPanel
from workbench.panels.planner_model import PlannerModel
from workbench.panels.planner_patients import NOTHING_YET, PatientsFold


@pytest.fixture(autouse=True)
def _gone() -> Iterator[None]:
    """No panel of another test is met again, and none computes on."""
    yield
    for model in [one for one in PanelModel._living.values() if isinstance(one, PlannerModel)]:
        model._asked = None
        assert model.refining.join(60)
        model.close()


def fold() -> PatientsFold:
    panel = PlannerPanel(target_epsilon=3.0, expected_batch=10.0, steps=300, units=200, delta=1e-3)
    return panel.stage.patients


def settled(asked: PatientsFold) -> PatientsFold:
    assert asked.asking.join(120)
    return asked


def unfolded() -> PatientsFold:
    one = fold()
    one.head.unfolded = True
    return settled(one)


def traces(one: PatientsFold) -> dict[str, Any]:
    assert isinstance(one.figure, LiveFigure)
    return {trace.name: trace for trace in one.figure.data}


def test_nothing_is_read_until_somebody_asks(sized_study: str) -> None:
    one = fold()
    assert (one.said.text, one.figure, one.study.value) == ("", None, "")


def test_without_a_study_it_is_said_how_one_begins() -> None:
    one = unfolded()
    assert one.said.text == NOTHING_YET
    assert traces(one) == {}


def test_the_study_answers_with_its_interval_and_how_far_it_reaches(sized_study: str) -> None:
    one = unfolded()
    assert (one.study.value, one.epsilon.value) == (sized_study, "3")
    assert re.search(r"About [\d,]+ patients .* \(95 % interval [\d,]+ to [\d,]+\)", one.said.text)
    assert "This is an extrapolation" in one.trust.text
    assert traces(one)["patients needed"].y == (0.02,)


def test_another_gap_asks_for_other_numbers(sized_study: str) -> None:
    one = unfolded()
    before = traces(one)["patients needed"].x[0]
    one.within.value = 0.1
    settled(one)
    assert traces(one)["patients needed"].x[0] < before / 5
    assert "within what was measured" in one.trust.text


def test_what_cannot_be_answered_is_a_sentence_and_takes_the_curve_away(sized_study: str) -> None:
    one = unfolded()
    one.within.value = 0.05
    settled(one)
    assert one.figure is not None
    one._show(None, "There is no answer.")
    assert one.said.text == "There is no answer."
    assert one.trust.text == ""
    assert all(trace.x is None or len(trace.x) == 0 for trace in one.figure.data)
