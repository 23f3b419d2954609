"""An exercise about a bug: audited for real, answered before anything is shown."""

from __future__ import annotations

import pytest

from workbench.door.catching import catch
from workbench.errors import BadInput


def test_a_bug_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="Bug must be noise-5-percent-low or"):
        catch("gremlins", hint="")


@pytest.mark.slow
def test_what_really_caught_the_bug_is_the_right_answer() -> None:
    exercise = catch("clip-per-layer", hint="What do canaries not have?", canaries=200, nulls=1000)
    assert exercise.sheet.value == ""
    exercise.answer.value = "noise"
    exercise.compare()
    assert exercise.verdict.message.endswith("What do canaries not have?")
    exercise.answer.value = "sensitivity"
    exercise.compare()
    assert exercise.verdict.done == "Right. Measured: caught by sensitivity."
    assert "times the clipping norm; at most 1 is claimed" in exercise.sheet.value
