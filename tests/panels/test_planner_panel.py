"""The planner answers with the change itself, and shows what its model knows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.accounting.planner import QUANTITIES
from workbench.accounting.pld import epsilon_spent
from workbench.errors import BadInput
from workbench.panels.parts.controls import NumberField
from workbench.panels.parts.model import PanelModel
from workbench.panels.planner import PlannerPanel
from workbench.panels.planner_model import PlannerModel

FIXED: dict[str, Any] = {"expected_batch": 10.0, "steps": 300, "units": 200, "delta": 1e-3}


@pytest.fixture(autouse=True)
def _gone() -> Iterator[None]:
    """No panel of another test is met again, and none computes on."""
    yield
    planners = [one for one in PanelModel._living.values() if isinstance(one, PlannerModel)]
    for model in planners:
        model._asked = None
        assert model.refining.join(60)
        model.close()


def panel(**other: Any) -> tuple[PlannerPanel, PlannerModel]:
    made = PlannerPanel(**{**FIXED, **other})
    assert isinstance(made.model, PlannerModel)
    return made, made.model


def field(made: PlannerPanel, name: str) -> NumberField:
    found = made.children[1].children[0].children[1 + QUANTITIES.index(name)]
    assert isinstance(found, NumberField)
    return found


def test_what_is_not_given_is_found_at_once_and_cannot_be_typed_over() -> None:
    made, model = panel(target_epsilon=3.0)
    assert model.solve_for == "noise_multiplier"
    assert [name for name in QUANTITIES if field(made, name).disabled] == ["noise_multiplier"]
    assert field(made, "noise_multiplier").value == model.noise_multiplier == model.plan.value
    assert "the least that will do; spends ε = " in field(made, "noise_multiplier").help
    assert "-DP per patient, add or remove one, Poisson q = 0.05" in made.guarantee.text


def test_dragging_a_control_moves_the_one_that_is_found() -> None:
    made, model = panel(target_epsilon=3.0)
    before = model.noise_multiplier
    field(made, "target_epsilon").value = 6.0
    assert field(made, "noise_multiplier").value == model.noise_multiplier < before
    spent = epsilon_spent(
        noise_multiplier=model.noise_multiplier, sample_rate=0.05, steps=300, delta=1e-3
    )
    assert 5.9 < spent <= 6.0


def test_solving_for_another_one_keeps_the_numbers_where_they_are() -> None:
    made, model = panel(target_epsilon=3.0)
    model.choose("solve_for", "steps")
    assert model.steps == pytest.approx(300, rel=1e-2)
    assert field(made, "steps").disabled
    assert not field(made, "noise_multiplier").disabled


def test_the_reported_numbers_and_the_map_follow() -> None:
    made, model = panel(noise_multiplier=1.2)
    assert not model.exact
    assert "upper bound" in made.notes.text
    assert model.refining.join(60)
    assert model.exact
    assert "upper bound" not in made.notes.text
    assert model.plan.epsilon == epsilon_spent(
        noise_multiplier=1.2, sample_rate=0.05, steps=300, delta=1e-3
    )
    point = made.stage.map.data[-1]
    assert (list(point.x), list(point.y)) == ([300], pytest.approx([1.2]))
    model.set(expected_batch=20.0)  # the lines are those of another sample rate now
    assert len(made.stage.map.data[-1].x) == 0
    assert model.refining.join(60)
    assert list(made.stage.map.data[-1].x) == [300]
    assert "sample rate 0.1" in made.stage.map.layout.title.text


def test_contradictions_stand_under_the_control_and_leave_no_plan() -> None:
    made, model = panel(target_epsilon=3.0)
    field(made, "expected_batch").value = 300.0
    assert "cannot draw 300 of 200 patients" in field(made, "expected_batch").error
    assert model.plan is None
    assert "No training fits" in made.guarantee.text
    field(made, "expected_batch").value = 10.0
    assert field(made, "expected_batch").error == ""
    model.choose("solve_for", "steps")
    field(made, "noise_multiplier").value = 0.05
    assert "Even one step spends epsilon" in field(made, "target_epsilon").error


def test_the_data_are_called_what_they_are() -> None:
    made, _ = panel(noise_multiplier=1.2, unit="slice")
    assert field(made, "units").label == "Slices"
    assert "per slice" in made.guarantee.text
    assert "protected less" in made.notes.text


def test_running_the_cell_again_shows_the_same_plan_with_what_it_asks_for() -> None:
    first, model = panel(target_epsilon=3.0)
    _, same = panel(noise_multiplier=2.0)
    assert same is model
    assert same.solve_for == "target_epsilon"
    assert field(first, "noise_multiplier").value == 2.0


def test_five_given_are_refused() -> None:
    with pytest.raises(BadInput, match="at most four"):
        PlannerPanel(**FIXED, target_epsilon=3.0, noise_multiplier=1.0)
    with pytest.raises(BadInput, match="here steps"):
        PlannerPanel(solve_for="steps", steps=100)


@pytest.mark.slow
def test_opening_the_planner_loads_no_torch() -> None:
    code = (
        "import sys, workbench as wb; panel = wb.PlannerPanel(); panel.model.refining.join(60);"
        "sys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_other_accountants_are_asked_when_somebody_unfolds_them() -> None:
    made, model = panel(noise_multiplier=1.2, steps=50)
    assert model.refining.join(60)
    others = made.stage.accountants
    assert others.figure is None
    others.head.unfolded = True
    assert others.asking.join(120)
    assert others.figure is not None
    assert others.figure.data[-1].name == "GDP: approximation, not a guarantee"
    assert others.figure.data[-1].line.dash == "dash"
    assert others.figure.data[0].x[-1] == 50
