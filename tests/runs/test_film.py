"""The film strip spans a run of any length with few pictures."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from works import Drawn

from workbench.runs.events import Checkpointed, Event, Finished, Progress
from workbench.runs.film import FRAMES, History, is_picture, kept, stride


def picture(number: int) -> Drawn:
    return Drawn(number=number, image=np.zeros(1), at=0.0)


@given(st.integers(0, 10**6))
def test_the_first_and_the_newest_picture_stay_and_few_others(newest: int) -> None:
    numbers = kept(newest)
    assert {0, newest} <= numbers
    assert len(numbers) <= FRAMES + 1
    assert len(numbers) > min(newest, FRAMES // 2)


@given(st.integers(0, 10**6))
def test_kept_pictures_are_evenly_spaced(newest: int) -> None:
    numbers = sorted(kept(newest))
    gaps = np.diff(numbers)
    assert (gaps[:-1] == stride(newest)).all()


@given(st.integers(0, 10**6))
def test_a_dropped_picture_is_never_needed_again(newest: int) -> None:
    assert kept(newest + 1) <= kept(newest) | {newest + 1}


def test_a_history_keeps_every_scalar_and_few_pictures() -> None:
    history = History()
    for number in range(500):
        history.add(Progress(done=number, total=500, doing="drawing"))
        history.add(picture(number))
    events = history.list()
    shown = [event.number for event in events if isinstance(event, Drawn)]
    assert sum(isinstance(event, Progress) for event in events) == 500
    assert shown == sorted(kept(499))
    assert is_picture(events[-1])


def test_a_history_keeps_the_weights_of_the_last_checkpoint_only() -> None:
    history = History()
    for step in (1, 2):
        history.add(Checkpointed(step=step, tensors={"w": np.ones(1)}, state={"a": 1}))
    first, last = history.list()
    assert first == Checkpointed(step=1, tensors={}, state={})
    assert isinstance(last, Checkpointed)
    assert set(last.tensors) == {"w"}


def test_results_and_checkpoints_are_no_pictures() -> None:
    array = {"a": np.ones(1)}
    others: list[Event] = [
        Finished(result={}, arrays=array),
        Checkpointed(step=1, tensors=array, state={}),
        Progress(done=1, total=1, doing=""),
    ]
    assert not any(map(is_picture, others))
