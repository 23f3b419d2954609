"""A worker's messages: batches, in order, the last picture wins, nothing else is dropped."""

from __future__ import annotations

import threading

import numpy as np
from works import Drawn

from workbench.runs.events import Event, Finished, Message, Progress, Started
from workbench.runs.outbox import Outbox


def picture(number: int) -> Drawn:
    return Drawn(number=number, image=np.zeros(1), at=0.0)


def sent(events: list[Event]) -> list[list[Message]]:
    """What an outbox sends when all events but the first come within one pause."""
    batches: list[list[Message]] = []
    first = threading.Event()

    def send(batch: list[Message]) -> None:
        batches.append(batch)
        first.set()

    outbox = Outbox(send, pause=1000)
    outbox.put(events[0])
    assert first.wait(10)
    for event in events[1:]:
        outbox.put(event)
    outbox.close()
    return batches


def test_the_first_event_goes_at_once_and_the_rest_together() -> None:
    events = [Progress(done=number, total=9, doing="") for number in range(9)]
    batches = sent([*events, Finished(result={})])
    assert [len(batch) for batch in batches] == [1, 9]
    told = [message["values"].get("done") for batch in batches for message in batch]
    assert told == [*range(9), None]


def test_of_many_pictures_the_last_is_sent_in_its_place() -> None:
    events = [Started(), picture(1), Progress(done=1, total=2, doing=""), picture(2), picture(3)]
    batches = sent([*events, Finished(result={}, arrays={"a": np.ones(1)})])
    assert [message["kind"] for message in batches[1]] == ["Progress", "Drawn", "Finished"]
    assert batches[1][1]["values"]["number"] == 3
