"""An opened training: the same patients at every epsilon, its facts, and the way to the attack."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from attack_events import until
from recorded_study import by_run, pictures, record

from workbench.exploring.events import Explored
from workbench.panels.attack_model import AttackModel
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_opened import CHOOSE, MOST_COLUMNS, OpenedRun
from workbench.panels.parts.model import PanelModel


@pytest.fixture
def model() -> Iterator[ExploreModel]:
    yield ExploreModel()
    for living in [*PanelModel._living.values()]:
        living.close()


@pytest.fixture
def three(model: ExploreModel) -> list[Explored]:
    shares = {1.0: 0.25, 3.0: 0.5, math.inf: 1.0}
    runs = [
        record(model.store, epsilon, 0, arrays=pictures(share=share))
        for epsilon, share in shares.items()
    ]
    model.explored = by_run(*runs)
    return runs


def heads(view: OpenedRun) -> list[str]:
    return [" ".join(lines) for lines in view.grid.heads]


def facts(view: OpenedRun) -> dict[str, str]:
    return dict(view.facts.rows)


def test_before_anything_is_finished_nothing_is_shown(model: ExploreModel) -> None:
    view = OpenedRun(model)
    assert view.grid.heads == []
    assert view.facts.layout.display == view.attack.layout.display == "none"
    assert (view.sent.text, view.columns.text, view.guarantee.text) == ("", "", "")


def test_every_finished_budget_is_a_column_before_any_run_is_opened(
    model: ExploreModel, three: list[Explored]
) -> None:
    view = OpenedRun(model)
    assert heads(view) == ["ε = 1 seed 0", "ε = 3 seed 0", "ε = ∞ seed 0"]
    assert list(view.grid.sides) == ["patient 1", "patient 2", "patient 3"]
    assert view.grid.captions[0] == [["Dice 0.40"], ["Dice 0.67"], ["Dice 1.00"]]
    assert view.grid.chosen == -1
    assert view.sent.text == CHOOSE
    assert view.columns.text == "At each ε the run with the median score."


def test_pictures_masks_outlines_and_reasons_arrive_as_recorded(
    model: ExploreModel, three: list[Explored]
) -> None:
    grid = OpenedRun(model).grid

    def sent(stack: bytes, kind: type) -> np.ndarray:
        return np.frombuffer(stack, kind).reshape(3, 3, 16, 16)

    half, whole = pictures(share=0.5), pictures()
    assert np.array_equal(sent(grid.pictures, np.uint8)[:, 1], whole["images"])
    assert np.array_equal(sent(grid.masks, np.uint8)[:, 1], half["predictions"])
    assert np.array_equal(sent(grid.outlines, np.uint8)[:, 0] > 0, whole["truths"] > 0)
    assert np.array_equal(sent(grid.attributions, np.int8)[:, 2], whole["attributions"])


def test_faint_masks_are_not_taken_for_classes(model: ExploreModel) -> None:
    faint = pictures()
    faint["predictions"] = faint["truths"] * np.uint8(9)
    model.explored = by_run(record(model.store, 1.0, arrays=faint))
    assert max(OpenedRun(model).grid.masks) == 9


def test_an_opened_run_is_marked_and_tells_its_guarantee_and_settings(
    model: ExploreModel, three: list[Explored]
) -> None:
    view = OpenedRun(model)
    model.selected = three[1].run
    assert view.grid.chosen == 1
    assert (view.guarantee.text, view.guarantee.tone) == (three[1].guarantee, "private")
    assert facts(view) == {
        "ε per patient": "3.00 at δ = 0.001",
        "Dice": "0.500",
        "Hausdorff 95": "12.2",
        "Noise multiplier σ": "2",
        "Clipping norm": "0.5",
        "Steps": "40",
    }
    assert view.sent.text == ""
    assert "the run with seed 0" in view.columns.text


def test_an_opened_run_without_privacy_says_so(model: ExploreModel, three: list[Explored]) -> None:
    view = OpenedRun(model)
    model.selected = three[2].run
    assert view.guarantee.tone == "open"
    assert view.facts.rows[0] == ["Privacy", "none"]
    assert "Clipping norm" not in facts(view)
    assert view.attack.label == "Attack without noise"


def test_settings_that_the_study_varies_are_told(model: ExploreModel) -> None:
    one = record(model.store, 1.0, learning_rate=0.00312, max_grad_norm=0.5, engine="bookkeeping")
    model.explored = by_run(one)
    model.selected = one.run
    told = facts(OpenedRun(model))
    assert (told["learning rate"], told["engine"]) == ("0.00312", "bookkeeping")
    assert "max grad norm" not in told


def test_choosing_a_column_opens_its_run(model: ExploreModel, three: list[Explored]) -> None:
    view = OpenedRun(model)
    view.grid.chosen = 2
    assert model.selected == three[2].run
    assert "ε per patient" not in facts(view)


def test_the_columns_take_the_seed_of_the_opened_run(model: ExploreModel) -> None:
    runs = [record(model.store, epsilon, seed) for epsilon in (1.0, 3.0) for seed in (0, 1, 2)]
    model.explored = by_run(*runs)
    view = OpenedRun(model)
    model.selected = runs[2].run
    assert heads(view) == ["ε = 1 seed 2", "ε = 3 seed 2"]


def test_a_run_that_finishes_becomes_a_column(model: ExploreModel, three: list[Explored]) -> None:
    view = OpenedRun(model)
    model.selected = three[2].run
    model.explored = {**model.explored, **by_run(record(model.store, 8.0))}
    assert heads(view)[2:] == ["ε = 8 seed 0", "ε = ∞ seed 0"]
    assert view.grid.chosen == 3


def test_runs_that_validated_on_other_patients_have_a_star(
    model: ExploreModel, three: list[Explored]
) -> None:
    other = record(model.store, 8.0, arrays=pictures(seed=9))
    model.explored = {**model.explored, **by_run(other)}
    view = OpenedRun(model)
    assert heads(view)[2] == "ε = 8 seed 0 *"
    assert "* validated on other patients" in view.columns.text


def test_pictures_that_are_gone_or_of_another_size_are_counted(
    model: ExploreModel, three: list[Explored]
) -> None:
    small = record(model.store, 8.0, arrays=pictures(side=14))
    model.explored = {**model.explored, **by_run(small)}
    shutil.rmtree(model.store.folder(three[0].run))
    view = OpenedRun(model)
    assert heads(view) == ["ε = 3 seed 0", "ε = ∞ seed 0"]
    assert "Of 1 run no pictures are left." in view.columns.text
    assert "Slices of 1 run have another size" in view.columns.text


def test_of_many_budgets_a_few_are_shown_with_the_opened_one(model: ExploreModel) -> None:
    runs = [record(model.store, float(epsilon)) for epsilon in range(1, 10)]
    model.explored = by_run(*runs)
    model.selected = runs[4].run
    view = OpenedRun(model)
    assert len(view.grid.heads) <= MOST_COLUMNS
    assert "ε = 5 seed 0" in heads(view)
    assert heads(view)[0] == "ε = 1 seed 0"
    assert heads(view)[-1] == "ε = 9 seed 0"
    assert f"{len(view.grid.heads)} of 9 budgets are shown" in view.columns.text


def test_a_classification_shows_its_reasons(model: ExploreModel) -> None:
    said = {
        "truths": np.array([0, 1, 1], np.uint8),
        "predictions": np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], np.float32),
    }
    model.explored = by_run(record(model.store, 1.0, arrays={**pictures(), **said}))
    grid = OpenedRun(model).grid
    assert grid.overlay == "attribution"
    assert grid.masks == grid.outlines == b""
    assert grid.sides[1] == "patient 2, liver"
    assert grid.captions == [[["90 %"]], [["40 %, wrong"]], [["80 %"]]]


def test_the_button_takes_noise_and_clipping_norm_to_the_attack(
    model: ExploreModel, three: list[Explored]
) -> None:
    view = OpenedRun(model)
    view.attack.click()  # nothing is opened, so nothing is sent
    assert view.sent.text == CHOOSE
    model.selected = three[0].run
    view.attack.click()
    attack = AttackModel.attach("main")
    until(lambda: attack.preview is not None)  # it reads its slice in a thread of its own
    assert (attack.noise_multiplier, attack.max_grad_norm) == (2.0, 0.5)
    assert "noise multiplier 2" in view.sent.text
    model.selected = three[1].run
    assert view.sent.text == ""
