import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from fakes import FakeJob
from hypothesis import given
from hypothesis import strategies as st

from workbench.panels.parts.pump import Batch, Pump
from workbench.runs.events import TERMINAL, Checkpointed, Event, Finished, Progress, Started
from workbench.training.events import Preview

PICTURE = np.zeros((1, 2, 2), np.uint8)


def progress(done: int) -> Progress:
    return Progress(done=done, total=10, doing="")


def preview(step: int) -> Preview:
    return Preview(step=step, images=PICTURE, truths=PICTURE, predictions=PICTURE)


def weights(step: int) -> Checkpointed:
    return Checkpointed(step=step, tensors={}, state={})


EVENTS = st.lists(
    st.one_of(st.integers(0, 9).map(f) for f in (progress, preview, weights)), max_size=20
)


@given(EVENTS)
def test_a_batch_keeps_every_number_in_order(events: list[Event]) -> None:
    assert Batch(events).all(Progress) == [e for e in events if isinstance(e, Progress)]


@given(EVENTS)
def test_of_pictures_the_last_one_wins(events: list[Event]) -> None:
    pictures = [e for e in events if isinstance(e, Preview)]
    assert Batch(events).last(Preview) is (pictures[-1] if pictures else None)


@given(EVENTS, st.integers(0, 20))
def test_the_terminal_event_is_never_dropped_and_comes_last(events: list[Event], at: int) -> None:
    batch = Batch([*events[:at], Finished(result={}), *events[at:]])
    assert batch.over
    assert isinstance(batch[-1], TERMINAL)


@given(EVENTS)
def test_weights_are_not_handed_to_panels(events: list[Event]) -> None:
    assert not Batch(events).all(Checkpointed)


class Heard:
    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.again = threading.Event()

    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]


@pytest.fixture
def pumped() -> Callable[..., tuple[FakeJob, Heard, Pump]]:
    def start(**options: float) -> tuple[FakeJob, Heard, Pump]:
        job, heard = FakeJob(), Heard()
        pump = Pump(job, heard.batches.append, heard.again.set, **{"resend_after_s": 0, **options})
        pump.start()
        return job, heard, pump

    return start


def test_everything_arrives_and_the_end_is_sent_once_more(pumped: Callable) -> None:
    job, heard, pump = pumped()
    sent: Sequence[Event] = [Started(), *(progress(n) for n in range(200)), Finished(result={})]
    job.tell(*sent)
    pump.join(10)
    assert heard.events() == list(sent)
    assert heard.again.is_set()


def test_a_flood_becomes_few_batches(pumped: Callable) -> None:
    job, heard, pump = pumped(hz=5)
    for n in range(5000):
        job.tell(progress(n))
    job.tell(Finished(result={}))
    pump.join(20)
    assert len(heard.events()) == 5001
    assert len(heard.batches) < 50


def test_events_from_before_the_subscription_arrive_too() -> None:
    job, heard = FakeJob(), Heard()
    job.tell(Started(), progress(1))
    pump = Pump(job, heard.batches.append, heard.again.set, resend_after_s=0)
    pump.start()
    job.tell(Finished(result={}))
    pump.join(10)
    assert len(heard.events()) == 3


def test_a_closed_pump_hands_on_nothing_and_lets_go_of_the_job(pumped: Callable) -> None:
    job, heard, pump = pumped()
    pump.close()
    pump.join(10)
    job.tell(Finished(result={}))
    assert heard.events() == []
    assert not heard.again.is_set()
    assert job.heard == 0
