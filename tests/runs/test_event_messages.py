"""Events survive sockets and files."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.runs.events import (
    Cancelled,
    Checkpointed,
    Event,
    Failed,
    Finished,
    Progress,
    Started,
    from_json,
    from_message,
    to_json,
    to_message,
)
from workbench.training.events import Preview, Step, Validated

# The three words that stand for numbers in JSON cannot be told from texts; nothing else is lost.
TEXTS = st.text(max_size=8).filter(lambda text: text not in ("inf", "-inf", "nan"))
NUMBERS = st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FACTS = st.dictionaries(TEXTS, VALUES, max_size=4)
DTYPES = st.sampled_from(["<f4", "<f8", "<f2", "|u1", "|i1", "<i8", "|b1", ">f4"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
NAMED = st.dictionaries(st.text("abc./", min_size=1, max_size=5), ARRAYS, max_size=3)

EVENTS = st.one_of(
    st.builds(Started, facts=FACTS),
    st.builds(Progress, done=NUMBERS, total=NUMBERS, doing=TEXTS),
    st.builds(Checkpointed, step=st.integers(), tensors=NAMED, state=FACTS),
    st.builds(Finished, result=FACTS, arrays=NAMED),
    st.builds(Failed, message=TEXTS, details=TEXTS, field=st.none() | TEXTS),
    st.builds(Cancelled, message=TEXTS),
    st.builds(
        Step,
        step=st.integers(),
        total=st.integers(),
        epsilon=NUMBERS,
        loss=st.none() | NUMBERS,
        records=st.none() | st.integers(),
    ),
    st.builds(Validated, step=st.integers(), loss=NUMBERS, scores=st.dictionaries(TEXTS, NUMBERS)),
    st.builds(
        Preview,
        step=st.integers(),
        images=ARRAYS,
        truths=ARRAYS,
        predictions=ARRAYS,
        attributions=st.none() | ARRAYS,
    ),
)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and bool(
            np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
        )
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


@given(EVENTS)
def test_an_event_comes_back_from_a_message_as_it_was(event: Event) -> None:
    back = from_message(to_message(event))
    assert type(back) is type(event)
    for item in dataclasses.fields(event):
        assert same(getattr(event, item.name), getattr(back, item.name)), item.name


@given(EVENTS)
def test_the_values_of_a_message_are_strict_json(event: Event) -> None:
    json.dumps(to_message(event)["values"], allow_nan=False)


@given(VALUES)
def test_values_come_back_from_json(value: Any) -> None:
    assert from_json(json.loads(json.dumps(to_json(value), allow_nan=False))) == value


def test_a_number_that_is_none_comes_back_as_such() -> None:
    assert math.isnan(from_json(to_json(float("nan"))))


def test_numpy_scalars_and_tuples_become_plain_values() -> None:
    given_values = {"a": np.float32(0.5), "b": (np.int64(1), np.True_)}
    assert to_json(given_values) == {"a": 0.5, "b": [1, True]}


def test_arrays_that_came_in_a_message_can_be_written_to() -> None:
    event = Checkpointed(step=1, tensors={"w": np.zeros(2)}, state={})
    back = from_message(to_message(event))
    assert isinstance(back, Checkpointed)
    back.tensors["w"][0] = 1


def test_an_array_that_is_not_contiguous_keeps_its_order() -> None:
    array = np.arange(6).reshape(2, 3).T
    back = from_message(to_message(Finished(result={}, arrays={"t": array})))
    assert isinstance(back, Finished)
    np.testing.assert_array_equal(back.arrays["t"], array)


def test_a_receiver_need_not_have_imported_the_event() -> None:
    code = (
        "from workbench.runs.events import Event, from_message\n"
        "assert 'Validated' not in Event.kinds\n"
        "print(from_message({'kind': 'Validated', 'module': 'workbench.training.events',"
        " 'values': {'step': 1, 'loss': 'inf', 'scores': {}}, 'arrays': {}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "Validated(step=1, loss=inf, scores={}, groups={})", done.stderr


def test_an_unknown_event_is_an_error() -> None:
    message = {"kind": "Nonsense", "module": "workbench.runs.events", "values": {}, "arrays": {}}
    with pytest.raises(KeyError, match="Nonsense"):
        from_message(message)
