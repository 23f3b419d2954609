"""The zoo's table is made by auditing."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.auditing.zoo import table
from workbench.auditing.zoo.catalogue import BUGS
from workbench.auditing.zoo.tried import NO_BUG, Tried
from workbench.runs.events import Event, Finished, Progress, put_together, take_apart

CHOSEN = ("noise-20-percent-low", "clip-per-layer")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """A tour of two bugs and no bug; that every bug is caught is tested bug by bug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "BUGS", {name: BUGS[name] for name in CHOSEN})
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("zoo")))
        return list(table.zoo_table())


@pytest.fixture
def rows(events: list[Event]) -> dict[str, Tried]:
    return {event.bug: event for event in events if isinstance(event, Tried)}


def result(events: list[Event]) -> dict[str, Any]:
    assert isinstance(events[-1], Finished)
    return dict(events[-1].result)


@pytest.mark.slow
def test_correct_code_comes_first_and_is_not_caught(rows: dict[str, Tried]) -> None:
    assert list(rows) == [NO_BUG, *CHOSEN]
    assert rows[NO_BUG].verdict == "no violation found"
    assert rows[NO_BUG].caught_by == ()
    assert min(rows[NO_BUG].p_values.values()) > 1e-6


@pytest.mark.slow
def test_bugs_are_caught_by_probes_and_canaries_and_the_table_says_which(
    events: list[Event], rows: dict[str, Tried]
) -> None:
    low, layers = (rows[name] for name in CHOSEN)
    assert {"noise-variance", "per-step"} <= set(low.caught_by)
    assert low.epsilons["per-step"] > low.epsilon_claimed
    # Canaries have one coordinate each, so that a clip per layer treats them as it should.
    assert {layers.rooms[test] for test in layers.caught_by} == {"sensitivity"}
    assert layers.epsilons["per-step"] < layers.epsilon_claimed
    told = result(events)
    assert (told["missed"], told["false_alarms"]) == ([], [])
    assert [row["bug"] for row in told["rows"]] == [NO_BUG, *CHOSEN]
    for row in told["rows"]:
        assert set(row["p_values"]) <= set(told["tests"])
        assert set(row["caught_by"]) <= set(row["p_values"])


@pytest.mark.slow
def test_rows_travel_as_json(rows: dict[str, Tried]) -> None:
    for row in rows.values():
        values, arrays = take_apart(row)
        assert not arrays
        back = put_together("Tried", "workbench.auditing.zoo.tried", values, {})
        assert take_apart(back) == (values, {})


def test_a_tour_can_be_left_at_once() -> None:
    tour = table.zoo_table()
    assert isinstance(next(tour), Progress)
    tour.close()  # type: ignore[attr-defined]  # it is a generator
