"""A question that checks its answer, and gives a hint instead of the answer's reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.panels.exercise import Exercise, Measured
from workbench.panels.parts.controls import Choice, NumberField

SCORES = {"ELU": 36.6, "tanh": 26.6, "ReLU": 18.2}


def asked(ask: str = "highest", within: float = 1.0) -> Exercise:
    return Exercise(
        "Which?", Measured(SCORES, ask, within), hint="Think of kinks.", shown="<p>all scores</p>"
    )


def test_nothing_measured_is_shown_before_an_answer() -> None:
    exercise = asked()
    assert exercise.sheet.value == ""
    assert exercise.verdict.message == exercise.verdict.done == ""


def test_comparing_without_an_answer_asks_for_one_and_shows_nothing() -> None:
    exercise = asked()
    exercise.button.click()
    assert exercise.answer.error == "Predict first; then compare."
    assert exercise.sheet.value == ""


def test_the_right_name_is_called_right_and_the_numbers_appear() -> None:
    exercise = asked()
    exercise.answer.value = "ELU"
    exercise.button.click()
    assert exercise.verdict.done.startswith("Right. Measured: ELU 36.6 dB")
    assert exercise.sheet.value == "<p>all scores</p>"


def test_a_wrong_name_gets_the_hint() -> None:
    exercise = asked("lowest")
    exercise.answer.value = "tanh"
    exercise.button.click()
    assert exercise.verdict.done == ""
    assert exercise.verdict.message.startswith("Not quite.")
    assert exercise.verdict.message.endswith("Think of kinks.")


def test_another_answer_takes_the_verdict_back() -> None:
    exercise = asked()
    exercise.answer.value = "ReLU"
    exercise.button.click()
    exercise.answer.value = "ELU"
    assert exercise.verdict.message == ""
    exercise.button.click()
    assert exercise.verdict.done.startswith("Right.")


def test_a_number_is_asked_for_where_a_case_is_named() -> None:
    exercise = asked("tanh", within=5)
    assert isinstance(exercise.answer, NumberField)
    exercise.answer.value = 30.0
    exercise.button.click()
    assert exercise.verdict.done == "Right. Measured: tanh: 26.6 dB."
    exercise.answer.value = 40.0
    exercise.button.click()
    assert exercise.verdict.message.startswith("Not quite.")


def test_a_choice_starts_undecided() -> None:
    exercise = asked()
    assert isinstance(exercise.answer, Choice)
    assert exercise.answer.value == ""


@pytest.mark.parametrize("ask", ["highest", "lowest"])
@given(
    scores=st.dictionaries(st.text(min_size=1), st.floats(-5, 150), min_size=1, max_size=8),
    within=st.floats(0.1, 5),
)
def test_right_is_whoever_is_as_good_as_the_best(
    ask: str, scores: dict[str, float], within: float
) -> None:
    measured = Measured(scores, ask, within)
    best = (max if ask == "highest" else min)(scores.values())
    for name, value in scores.items():
        assert measured.is_right(name) == (abs(best - value) <= within)
    assert any(measured.is_right(name) for name in scores)


@given(right=st.floats(0, 150), answer=st.floats(0, 150), within=st.floats(0.1, 10))
def test_a_number_is_right_as_near_as_was_asked_for(
    right: float, answer: float, within: float
) -> None:
    assert Measured({"it": right}, "it", within).is_right(answer) == (abs(answer - right) <= within)
