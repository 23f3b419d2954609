"""Works for the tests: worker processes import this module."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import BadInput
from workbench.runs.attempt import Attempt
from workbench.runs.events import Checkpointed, Event, Finished, Progress, Started


@dataclass(frozen=True, kw_only=True)
class Drawn(Event):
    """A picture, number so and so, drawn at a time in seconds since 1970."""

    number: int
    image: np.ndarray
    at: float


def count(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Count to ``config["to"]``, resting ``config["rest"]`` seconds; a checkpoint every tenth."""
    first = 0 if attempt.checkpoint is None else attempt.checkpoint.step
    yield Started(facts={"fingerprint": "abc", "first": first, "home": os.getcwd()})
    for number in range(first, config["to"]):
        yield Progress(done=number + 1, total=config["to"], doing="counting")
        if (number + 1) % 10 == 0:
            here = np.full(3, number + 1.0)
            yield Checkpointed(step=number + 1, tensors={"sum": here}, state={"far": float("inf")})
        time.sleep(config.get("rest", 0))
    yield Finished(result={"counted": config["to"]}, arrays={"all": np.arange(config["to"])})


def draw(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Draw ``config["frames"]`` pictures of 128 x 128, ``config["rest"]`` seconds apart."""
    yield Started()
    for number in range(config["frames"]):
        image = np.full((128, 128), number % 256, np.uint8)
        yield Drawn(number=number, image=image, at=time.time())
        time.sleep(config["rest"])
    yield Finished(result={})


def tidy(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Count for ever; write a file when closed."""
    try:
        while True:
            yield Progress(done=0, total=1, doing="turning")
            time.sleep(0.01)
    finally:
        Path(config["file"]).write_text("closed")


def refuse(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Refuse the config."""
    yield Started()
    raise BadInput("Colour must be grey.", field="colour")


def divide(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Fail with a bug."""
    yield Progress(done=1, total=2, doing="dividing")
    print(1 / config["zero"])


def vanish(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Kill the own process, as the system does when memory is short."""
    yield Progress(done=1, total=2, doing="vanishing")
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)


def hang(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Never come back after the first event."""
    yield Started()
    time.sleep(1000)


def fall_silent(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """End without a last event."""
    yield Started()


def babble(config: dict[str, Any], attempt: Attempt) -> Iterator[Any]:
    """Yield something that is no event."""
    yield "done"


def smuggle(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Put a value into an event that JSON does not know."""
    yield Started(facts={"path": Path("x")})


def store_nothing(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Result with a guarantee, and an event after the end that nobody may see."""
    yield Finished(result={"guarantee": {"epsilon": float("inf")}, "threads": _threads()})
    yield Started()


def _threads() -> int:
    import torch

    return torch.get_num_threads()
