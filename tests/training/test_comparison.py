"""The engines take the same step, so only time and memory may differ."""

import pytest

from workbench.dpsgd.engine_names import ENGINES
from workbench.errors import BadInput
from workbench.runs.events import Event, Finished, from_message, to_message
from workbench.training.compared import ORDINARY, CompareConfig, Compared
from workbench.training.comparison import compare


def compared(**settings: object) -> dict[str, Compared]:
    events: list[Event] = list(
        compare(CompareConfig(**{"size": 32, "batch": 4, "rounds": 2} | settings))  # type: ignore[arg-type]
    )
    assert isinstance(events[-1], Finished)
    found = {event.engine: event for event in events if isinstance(event, Compared)}
    assert {row["engine"] for row in events[-1].result["engines"]} == set(found)
    return found


def test_every_engine_releases_the_gradient_of_book_keeping() -> None:
    found = compared(model="cnn", task="classification")
    assert set(found) == {ORDINARY, *ENGINES}
    for name in ENGINES:
        assert found[name].refused == ""
        assert found[name].difference is not None
        assert found[name].difference < 1e-4
        assert found[name].seconds > 0
    assert found[ORDINARY].ratio == 1.0


def test_what_an_engine_cannot_do_is_said_in_a_sentence() -> None:
    found = compared(model="cnn", task="classification", slices_each=2)
    assert "several records" in found["opacus-ghost"].refused
    assert found["opacus"].difference == pytest.approx(0, abs=1e-4)


def test_what_was_compared_survives_the_journey_to_another_process() -> None:
    event = Compared(engine="opacus", seconds=0.1, ratio=2.0, memory_mib=30.0, difference=1e-6)
    assert from_message(to_message(event)) == event


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"size": 8}, {"rounds": 0}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        CompareConfig(**wrong)  # type: ignore[arg-type]
