"""A job without work, for models and pumps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.pump import Batch
from workbench.runs.events import Event


class FakeJob:
    """Tells what the test tells it to tell."""

    def __init__(self, run: str = "fake-1", status: str = "running") -> None:
        self.run = run
        self.status = status
        self.asked: list[str] = []
        self.events: list[Event] = []
        self._callbacks: list[Callable[[Event], object]] = []

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        for event in self.events:
            callback(event)
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            with suppress(ValueError):  # as of a real job, it may be called twice
                self._callbacks.remove(callback)

        return unsubscribe

    @property
    def heard(self) -> int:
        return len(self._callbacks)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.events.append(event)
            for callback in list(self._callbacks):
                callback(event)

    def pause(self) -> None:
        self.asked.append("pause")
        self.status = "paused"

    def go_on(self) -> None:
        self.asked.append("go_on")
        self.status = "running"

    def cancel(self) -> None:
        self.asked.append("cancel")


class SmallModel(PanelModel):
    """Two choices that must not both be given."""

    noise = T.Float(0.0, allow_none=True).tag(param=True)
    epsilon = T.Float(None, allow_none=True).tag(param=True)
    path = T.Unicode("here").tag(param=True)

    def __init__(self, **params: object) -> None:
        self.jobs: list[FakeJob] = []
        self.taken: list[Batch] = []
        self.status_of_next = "running"
        super().__init__(**params)

    def check(self) -> None:
        if self.noise is not None and self.epsilon is not None:
            raise BadInput("Give noise or epsilon, not both.", field="epsilon")

    def launch(self) -> FakeJob:
        if self.path != "here":
            raise BadInput(f"There is no {self.path}.", field="path")
        self.jobs.append(FakeJob(f"fake-{len(self.jobs)}", self.status_of_next))
        return self.jobs[-1]

    def take(self, batch: Batch) -> None:
        self.taken.append(batch)
