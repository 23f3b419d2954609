"""Several attacks in a line, and exercises over them; all of them are carried out."""

from typing import Any

import pytest

import workbench as wb
from workbench.door.attacks import Attacked, config_of
from workbench.door.exercises import asked_of
from workbench.errors import BadInput
from workbench.runs.store import Store

ANALYTIC: dict[str, Any] = {"model": "mlp", "size": 32, "attack": "analytic", "seconds": 2.0}


@pytest.fixture
def tried(discs: str) -> Attacked:
    noises = {"plain": {}, "noise": {"noise_multiplier": 1.0}}
    return wb.attack_each(noises, image=discs, floor=True, **ANALYTIC)


def test_attacks_are_carried_out_recorded_and_shown(tried: Attacked) -> None:
    assert tried.results["plain"]["psnr"] > 60
    assert tried.results["noise"]["psnr"] < 15
    records = [Store().record(run) for run in tried.runs.values()]
    assert [record.status for record in records] == ["finished", "finished"]
    assert len({record.study for record in records}) == 1
    page = tried._repr_html_()
    assert page.count("<tr>") == 3
    assert page.count("not made") == 0
    exercise = asked_of(tried, "Which?", ask="highest", hint="Read.", score="psnr", within=1.0)
    exercise.answer.value = "plain"
    exercise.button.click()
    assert exercise.verdict.done.startswith("Right.")
    assert exercise.sheet.value == page
    for wrong in ({"ask": "median", "score": "psnr"}, {"ask": "highest", "score": "mask_dice"}):
        with pytest.raises(BadInput, match="to ask for"):
            asked_of(tried, "Which?", hint="Read.", within=1.0, **wrong)


def test_the_weights_of_a_training_are_named_by_what_train_returned(discs: str) -> None:
    run = wb.train(discs, model="mlp", steps=1, sample_rate=0.3)
    values = {**ANALYTIC, "image": discs, "trained": run, "model": "unet"}
    config = config_of("trained", values)
    assert (config.trained, config.model) == (run.id, "mlp")


def test_an_attack_that_needs_a_malicious_server_names_it_itself() -> None:
    assert config_of("bins", {"attack": "imprint"}).server == "malicious"
    assert config_of("plain", {}).server == "honest"


def test_what_is_wrong_with_a_case_is_said_with_its_name_before_anything_runs() -> None:
    with pytest.raises(BadInput, match=r"^many: Batch must be") as refused:
        wb.attack_each({"one": {}, "many": {"batch": 65}})
    assert refused.value.field == "batch"
    with pytest.raises(BadInput, match=r"^odd: Unknown setting bach"):
        wb.attack_each({"odd": {"bach": 2}})
    assert Store().list("attack") == []


@pytest.mark.parametrize("cases", [{}, [{}, {}], [{"seed": seed} for seed in range(9)]])
def test_a_sheet_has_room_for_one_to_eight_cases_that_differ(cases: list[object]) -> None:
    with pytest.raises(BadInput, match="1 to 8 cases"):
        wb.attack_each(cases)  # type: ignore[arg-type]


def test_a_case_that_the_slices_refuse_says_so_and_leaves_nothing_running(discs: str) -> None:
    with pytest.raises(BadInput, match=r"^late: .*48 slices"):
        wb.attack_each({"late": {"index": 48}}, image=discs, **ANALYTIC)
    assert [record.status for record in Store().list("attack")] == ["failed"]


def test_an_exercise_asks_for_a_score_that_there_is() -> None:
    with pytest.raises(BadInput, match="Score must be psnr"):
        wb.exercise("Which?", {"one": {}}, hint="None.", score="beauty")


def test_what_gradients_hold_is_drawn_network_by_network(discs: str) -> None:
    cases = {"ELU": {}, "tanh": {"activation": "tanh"}}
    drawn = wb.leakage(
        cases, image=discs, size=16, model="unet-small", seconds=1.0,
        noise_multipliers=(1e-4, 1e-2),
    )  # fmt: skip
    assert [curve.name for curve in drawn.data] == ["ELU", "tanh"]
    for curve in drawn.data:
        assert curve.y[0] > curve.y[1]
    with pytest.raises(BadInput, match="above 0"):
        wb.leakage({"mlp": {"model": "mlp"}}, image=discs, size=16, noise_multipliers=(0.0,))
