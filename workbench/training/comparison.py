"""The same private step by every engine, side by side: time, memory, and the same update.

It computes on noise pictures: how long a step takes does not depend on what the pictures show, and
so no patient is involved and nothing is charged.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from workbench.dpsgd.engine_names import ENGINES
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine, PlainEngine
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import WorkbenchError
from workbench.models.catalogue import build
from workbench.models.fitness import make_fit
from workbench.models.losses import record_losses
from workbench.runs.allocator import hand_back
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Event, Finished, Progress, Started, to_json
from workbench.training.compared import ORDINARY, CompareConfig, Compared
from workbench.training.footprint import forget_peak, peak_mib


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`compare` for a background job."""
    del attempt
    return compare(config_from_json(CompareConfig, config))


def compare(config: CompareConfig) -> Iterator[Event]:
    """Take turns: one step of each engine, round after round.

    Yields:
        ``Started``; ``Compared`` for each engine after each round; ``Finished`` with the rows.

    Raises:
        BadInput: there is no such network, or it cannot do this task or size.
    """
    model, surgery = make_fit(
        build(config.model, size=config.size, classes=2, task=config.task, seed=config.seed)
    )
    yield Started(facts={"surgery": [str(found) for found in surgery]})
    turns: dict[str, _Turn] = {}
    refused: dict[str, Compared] = {}
    names = (ORDINARY, *ENGINES)
    for number, name in enumerate(names):
        yield Progress(done=number, total=len(names) + config.rounds, doing=f"first step: {name}")
        try:
            turns[name] = _Turn(name, config, copy.deepcopy(model))
        except (WorkbenchError, RuntimeError, NotImplementedError, ValueError) as error:
            refused[name] = Compared(engine=name, refused=str(error).splitlines()[0])
            yield refused[name]
    for number in range(config.rounds):
        for turn in turns.values():
            turn.take()
        done = len(names) + number + 1
        yield Progress(done=done, total=len(names) + config.rounds, doing=f"round {number + 1}")
        yield from (_told(turn, turns) for turn in turns.values())
    rows = [_told(turn, turns) for turn in turns.values()] + list(refused.values())
    yield Finished(result=to_json({"engines": [asdict(row) for row in rows]}))


class _Turn:
    """One engine with a network of its own."""

    def __init__(self, name: str, config: CompareConfig, model: nn.Module) -> None:
        self.name = name
        self.seconds: list[float] = []
        generator = torch.Generator().manual_seed(config.seed)
        shape = (config.batch, 1, config.size, config.size)
        images = torch.rand(shape, generator=generator)
        whole = config.task == "classification"
        targets = torch.arange(config.batch) % 2 if whole else (images > 0.5).long()
        units = np.arange(config.batch) // config.slices_each
        self._engine = _engine(name, model, units, config.seed)
        self._optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        self._losses: Callable[[], Tensor] = lambda: record_losses(
            config.task, self._engine.model(images), targets
        )
        self._units = units
        self._step()
        self.first = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        hand_back()
        before = psutil.Process().memory_info().rss / 2**20
        forget_peak()
        self._step()
        self.memory_mib = max(0.0, peak_mib() - before)

    def take(self) -> None:
        """One more step, on the clock."""
        began = time.perf_counter()
        self._step()
        self.seconds.append(time.perf_counter() - began)

    def _step(self) -> None:
        self._optimizer.zero_grad()
        self._engine.accumulate(self._losses(), self._units)
        self._engine.release()
        self._optimizer.step()


def _engine(name: str, model: nn.Module, units: np.ndarray, seed: int) -> GradientEngine:
    if name == ORDINARY:
        return PlainEngine(model)
    return make_engine(
        name,
        model,
        max_grad_norm=1.0,
        noise_multiplier=1.0,
        expected_units=float(units.max() + 1),
        stream=SeededStream(seed),
    )


def _told(turn: _Turn, turns: dict[str, _Turn]) -> Compared:
    ordinary, reference = turns[ORDINARY], turns.get("bookkeeping")
    pairs = zip(turn.seconds, ordinary.seconds, strict=True)
    difference = None
    if reference is not None and turn is not ordinary:
        apart = (turn.first - reference.first).norm() / reference.first.norm()
        difference = float(apart)
    return Compared(
        engine=turn.name,
        seconds=statistics.median(turn.seconds),
        ratio=statistics.median(own / plain for own, plain in pairs),
        memory_mib=turn.memory_mib,
        difference=difference,
    )
