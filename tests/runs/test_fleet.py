"""Several jobs for one question: how many begin, who is paused, which are worth repeating."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from workbench.errors import BadInput, WorkbenchError
from workbench.runs import fleet
from workbench.runs.crew import DEATH, ENDED
from workbench.runs.fleet import ATTEMPTS, Fleet, share
from workbench.runs.store import Store


@dataclass(frozen=True)
class Question:
    number: int


@dataclass
class Told:
    """A job that only writes down what it is told."""

    run: str
    status: str = "running"
    message: str = ""
    wishes: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.wishes.append("pause")

    def go_on(self) -> None:
        self.wishes.append("go on")

    def cancel(self) -> None:
        self.wishes.append("stop")

    def result(self, timeout: float) -> None:
        if self.message:
            raise WorkbenchError(self.message)


class Asking(Fleet[int]):
    def ask(self, number: int) -> Told:
        question = Question(number)
        return self._start(number, "works:count", question, kind="q", study="s")  # type: ignore

    def room(self) -> bool:
        return self._has_room

    def answers(self) -> list[tuple[int, bool, bool]]:
        """Of each that has ended its number, whether it has a result, and whether to repeat it."""
        return [
            (number, error is None, self._worth_another(job, Question(number)))
            for job, number, error in self._ended()
        ]

    def stop(self) -> None:
        self._stop()


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch, store: Store) -> Asking:
    begun: list[Told] = []

    def start(work: str, config: dict[str, Any], **_: Any) -> Told:
        begun.append(Told(f"q-{len(begun)}"))
        return begun[-1]

    monkeypatch.setattr(fleet, "start", start)
    return Asking(store, at_once=2, scheduler=None)


def test_no_more_begin_than_may_be_at_work_at_once(asking: Asking, store: Store) -> None:
    first = asking.ask(0)
    assert asking.room()
    asking.ask(1)
    assert not asking.room()
    first.status = "finished"
    assert asking.answers() == [(0, True, False)]
    assert asking.room()
    assert asking.answers() == []
    with pytest.raises(BadInput, match="[Aa]t once"):
        Asking(store, at_once=0, scheduler=None)


def test_pausing_reaches_what_is_at_work_and_what_is_just_being_ordered(asking: Asking) -> None:
    first = asking.ask(0)
    asking.pause()
    assert not asking.room()
    second = asking.ask(1)
    asking.go_on()
    asking.stop()
    assert first.wishes == second.wishes == ["pause", "go on", "stop"]


@pytest.mark.parametrize("message", [DEATH.message, ENDED])
def test_the_loss_of_a_worker_is_worth_another_attempt_but_not_for_ever(
    asking: Asking, message: str
) -> None:
    seen = []
    for _ in range(ATTEMPTS):
        job = asking.ask(7)
        job.status, job.message = "failed", message
        seen += asking.answers()
    assert seen == [(7, False, True)] * (ATTEMPTS - 1) + [(7, False, False)]


def test_an_error_of_the_work_itself_is_not_repeated(asking: Asking) -> None:
    job = asking.ask(7)
    job.status, job.message = "failed", "Colour must be grey."
    assert asking.answers() == [(7, False, False)]


def test_a_share_is_what_is_done_of_what_is_known() -> None:
    assert share((1, 4)) == 0.25
    assert share((0, 0)) == share(None) == 0
