"""Work that cannot yield, watched from a generator."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from workbench.runs.aside import Tell, aside
from workbench.runs.events import Event, Progress, Started


def test_what_is_told_is_passed_on_and_what_is_returned_is_returned() -> None:
    def work(tell: Tell[Event]) -> int:
        tell(Started(facts={"number": 1}))
        for done in range(3):
            tell(Progress(done=done, total=3, doing="counting"))
        return 7

    returned: list[int] = []

    def passed_on() -> Iterator[Event]:
        returned.append((yield from aside(work, "working")))

    seen = list(passed_on())
    assert returned == [7]
    assert [event for event in seen if isinstance(event, Started)] == [Started(facts={"number": 1})]
    assert seen[-1] == Progress(done=2, total=3, doing="counting")


def test_silence_is_filled() -> None:
    began = time.monotonic()
    events = list(aside(lambda tell: time.sleep(0.8), "sleeping"))
    assert len(events) >= 0.8 / 0.5
    assert all(event == Progress(done=0, total=1, doing="sleeping") for event in events)
    assert time.monotonic() - began < 5


def test_what_is_raised_is_raised() -> None:
    def work(tell: Tell[Event]) -> None:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError, match="no"):
        list(aside(work, "dividing"))


def test_closing_ends_the_work_at_its_next_word() -> None:
    ended = threading.Event()

    def work(tell: Tell[Event]) -> None:
        try:
            for done in range(10_000):
                time.sleep(0.01)
                tell(Progress(done=done, total=10_000, doing="going on"))
        finally:
            ended.set()

    events = aside(work, "going on")
    next(events)
    began = time.monotonic()
    events.close()
    assert time.monotonic() - began < 1
    assert ended.wait(5)


def test_silence_is_left_alone_where_nothing_is_to_be_said() -> None:
    def work(tell: Tell[Event]) -> int:
        tell(Progress(done=1, total=2, doing="counting"))
        time.sleep(0.8)
        return 7

    assert list(aside(work)) == [Progress(done=1, total=2, doing="counting")]
