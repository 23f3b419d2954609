"""Background work of which only the newest order matters, and the look once a second."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from workbench.panels.parts.latest import Latest, Watch


def test_of_orders_that_wait_only_the_newest_is_carried_out() -> None:
    latest, done = Latest("test"), []
    begun, gate = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        gate.wait(10)
        done.append(("first", latest.superseded))

    latest.ask(first)
    assert begun.wait(10)
    latest.ask(lambda: done.append("second"))
    latest.ask(lambda: done.append("third"))
    assert not latest.join(0.05)
    gate.set()
    assert latest.join(10)
    assert done == [("first", True), "third"]


def test_work_may_ask_for_more_work() -> None:
    latest, done = Latest("test"), []
    latest.ask(lambda: (done.append(1), latest.ask(lambda: done.append(2))))
    assert latest.join(10)
    assert done == [1, 2]


def soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_what_was_asked_for_is_done_although_the_work_before_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    latest, done, heard = Latest("test"), [], []
    begun, gate = threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(str(args.exc_value)))

    def fail() -> None:
        begun.set()
        gate.wait(10)
        raise RuntimeError("meant")

    latest.ask(fail)
    assert begun.wait(10)
    latest.ask(lambda: done.append("second"))
    gate.set()
    assert soon(lambda: heard == ["meant"])
    latest.ask(lambda: done.append("third"))
    assert latest.join(10)
    assert done == ["second", "third"]


class Owner:
    def __init__(self) -> None:
        self.looks = 0
        self.watch = Watch(self.look, seconds=0.01)

    def look(self) -> None:
        self.looks += 1


def test_a_watch_looks_until_it_is_closed() -> None:
    owner = Owner()
    assert soon(lambda: owner.looks > 2)
    owner.watch.close()
    time.sleep(0.1)
    before = owner.looks
    time.sleep(0.1)
    assert owner.looks == before


def test_a_watch_does_not_keep_alive_what_it_looks_at() -> None:
    owner = Owner()
    gone = weakref.ref(owner)
    del owner

    def collected() -> bool:
        gc.collect()
        return gone() is None

    assert soon(collected)
