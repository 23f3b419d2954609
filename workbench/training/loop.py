"""Training as a stream of events: private and non-private, one loop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.accounting.ledger.plans import Identity
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine, PlainEngine
from workbench.dpsgd.processes import Processes
from workbench.dpsgd.randomness import RandomStream, SecureStream, SeededStream
from workbench.dpsgd.sampler import Units, draw_records
from workbench.imaging.loading import loading
from workbench.models.losses import record_losses
from workbench.models.standardised import standardise, standardised_layers
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_from_json
from workbench.runs.events import Checkpointed, Event, Progress, Started
from workbench.training import checkpoint as checkpoints
from workbench.training.averaging import WeightAverage
from workbench.training.batches import batch_of, chunks
from workbench.training.charge import Charge, charged, identity_of
from workbench.training.config import TrainConfig
from workbench.training.events import Step
from workbench.training.footprint import forget_peak, peak_mib
from workbench.training.meter import EpsilonMeter
from workbench.training.plan import Plan, make_plan
from workbench.training.pretraining import Pretrained, pretrained
from workbench.training.report import finished, starting_facts
from workbench.training.validation import preview, validate

_RECORDS_AT_ONCE = 32
_LOOKS = 20
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_SECONDS_BEFORE_A_SIGN = 0.5


def work(config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """:func:`train` for a recorded run: the config comes as JSON values."""
    return train(config_from_json(TrainConfig, config), attempt)


def train(config: TrainConfig, attempt: Attempt | None = None) -> Iterator[Event]:
    """Train a network; closing the iterator stops.

    Before the first gradient the ledger reserves what the run will cost; at the end it is settled
    to the steps that were counted.

    Args:
        config: what to train.
        attempt: of which run, and where to go on. With secure randomness the steps taken after the
            checkpoint were spent although their result is lost: they are counted, not repeated.
            ``None`` charges the ledger of the person's own workspace.

    Yields:
        ``Progress`` while phantoms are drawn; ``Started``; then ``Step``, ``Validated``,
        ``Preview``, ``Warned`` and ``Checkpointed``; last ``Finished``, whose result holds the
        scores, the budget and the guarantee. Of several processes only the first one speaks.

    Raises:
        BadInput: data, model, settings and budget do not fit together.
    """
    attempt = attempt or Attempt.alone("train")
    processes = Processes.here()
    slices = yield from loading(config.data, size=config.image_size)
    # Hashing every file takes a while, so it is done once, and not where the plan is refused.
    identity = cache(partial(identity_of, slices, config.data))
    plan = make_plan(config, slices, _beginning(config, identity, attempt))
    with charged(plan, identity, attempt, processes) as charge:
        if processes.first:
            yield Started(facts=starting_facts(plan))
        yield from _Training(plan, charge, processes).run(attempt.checkpoint)


def _beginning(
    config: TrainConfig, identity: Callable[[], Identity], attempt: Attempt
) -> Pretrained | None:
    if config.pretrained is None:
        return None
    return pretrained(config.pretrained, identity(), attempt.home)


class _Training:
    """The mutable parts of one training."""

    def __init__(self, plan: Plan, charge: Charge, processes: Processes) -> None:
        config = plan.config
        privacy = config.privacy
        self.plan, self.charge, self.processes = plan, charge, processes
        self.units = Units.of(plan.train.patients, plan.unit)
        secure = privacy is not None and privacy.noise == "secure"
        self.streams: dict[str, RandomStream] = {
            name: SecureStream() if secure else SeededStream(config.seed, number)
            for number, name in enumerate(("sampling", "noise"), start=1)
        }
        self.movements = torch.Generator().manual_seed(config.seed + processes.rank)
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.SGD
        # The engine works in this copy; what is shown and explained is the plan's network.
        self.model = copy.deepcopy(plan.model)
        self.optimizer = kind(self.model.parameters(), lr=config.learning_rate)
        self.average = WeightAverage(self.model, config.ema_decay)
        self.standardised = standardised_layers(self.model) if config.weight_standardisation else []
        self.meter = EpsilonMeter(
            plan.epsilon if privacy else None, config.steps, plan.epsilon_at_most
        )
        self.seconds: list[float] = []

    def run(self, checkpoint: Checkpointed | None) -> Iterator[Event]:
        first = 1
        if checkpoint is not None:
            checkpoints.restore(checkpoint, *self._state)
            first = 1 + self._steps_spent(checkpoint)
            self.charge.count(first - 1)
        else:
            yield from self._look(0)
        forget_peak()
        engine = self._engine()
        with ExitStack() as stack:
            stack.callback(engine.detach)
            yield from self._steps(engine, first)
            layers = [str(note) for note in engine.describe()]
        yield from self._finish(layers)

    def _steps(self, engine: GradientEngine, first: int) -> Iterator[Event]:
        total = self.plan.config.steps
        saved_at = time.monotonic()
        for step in range(first, total + 1):
            if not self.processes.agree(self.charge.allows(step)):
                break
            yield from self.charge.warnings()
            yield from self._step(engine, step)
            if _worth_a_look(step, total):
                yield from self._look(step)
            if time.monotonic() - saved_at > _SECONDS_BETWEEN_CHECKPOINTS and step < total:
                yield from self._checkpoint(step)
                saved_at = time.monotonic()

    def _step(self, engine: GradientEngine, step: int) -> Iterator[Event]:
        began = time.perf_counter()
        config = self.plan.config
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * _share_of_rate(config, step)
        records = self._draw()
        self.charge.count(step)
        self.optimizer.zero_grad()
        units = self.units.of_record[records]
        loss = 0.0
        for part in chunks(units, max(1, _RECORDS_AT_ONCE // config.augmentation_multiplicity)):
            loss += self._accumulate(engine, records[part], units[part])
            if time.perf_counter() - began > _SECONDS_BEFORE_A_SIGN and self.processes.first:
                yield Progress(done=step - 1, total=config.steps, doing="taking a large step")
        engine.release()
        self.optimizer.step()
        standardise(self.standardised)
        self.average.update(step)
        self.seconds.append(time.perf_counter() - began)
        if self.processes.first:
            yield self._told(step, loss, len(records))

    def _told(self, step: int, loss: float, records: int) -> Step:
        # With several processes the first one knows its own share only.
        shown = self.plan.config.privacy is None and self.processes.world == 1
        return Step(
            step=step,
            total=self.plan.config.steps,
            epsilon=self.meter.at(step),
            loss=loss / records if shown and records else None,
            records=records if shown else None,
            seconds=self.seconds[-1],
        )

    @property
    def _state(
        self,
    ) -> tuple[
        nn.Module, torch.optim.Optimizer, dict[str, RandomStream], torch.Generator, WeightAverage
    ]:
        """What the next step depends on."""
        return self.model, self.optimizer, self.streams, self.movements, self.average

    def _draw(self) -> np.ndarray:
        return draw_records(
            self.units,
            self.plan.config.sample_rate,
            self.streams["sampling"],
            rank=self.processes.rank,
            world=self.processes.world,
        )

    def _accumulate(self, engine: GradientEngine, records: np.ndarray, units: np.ndarray) -> float:
        plan = self.plan
        device = next(self.model.parameters()).device
        batch = batch_of(plan, records, units, self.movements)
        low = plan.config.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=low):
            outputs = engine.model(batch.images.to(device))
        losses = record_losses(plan.task, outputs.float(), batch.targets.to(device))
        engine.accumulate(losses, batch.units)
        return float(losses.detach().sum()) / plan.config.augmentation_multiplicity

    def _engine(self) -> GradientEngine:
        plan, privacy, processes = self.plan, self.plan.config.privacy, self.processes
        reduce = processes.add if processes.world > 1 else None
        if privacy is None:
            return PlainEngine(self.model, reduce=reduce)
        return make_engine(
            plan.config.engine,
            self.model,
            max_grad_norm=privacy.max_grad_norm,
            noise_multiplier=plan.noise_multiplier,
            expected_units=plan.config.sample_rate * plan.unit_count,
            stream=processes.noise_of(self.streams["noise"]),
            reduce=reduce,
        )

    def _steps_spent(self, checkpoint: Checkpointed) -> int:
        repeatable = checkpoint.state["streams"]["noise"] is not None
        reached = int(checkpoint.state.get("reached", checkpoint.step))
        spent = checkpoint.step if repeatable else min(reached, self.plan.config.steps)
        return self.processes.agree(spent)

    def _checkpoint(self, step: int) -> Iterator[Event]:
        if self.processes.first:
            yield checkpoints.save(step, *self._state)

    def _look(self, step: int) -> Iterator[Event]:
        if self.processes.first:
            self.plan.model.load_state_dict(self.average.state())
            yield validate(self.plan, step, everything=False)
            yield preview(self.plan, step)

    def _finish(self, layers: list[str]) -> Iterator[Event]:
        plan, steps = self.plan, self.charge.steps
        memory = peak_mib()
        yield from self._checkpoint(steps)
        if not self.processes.first:
            return
        plan.model.load_state_dict(self.average.state())
        validated = validate(plan, steps, everything=True)
        yield validated
        last = preview(plan, steps)
        yield last
        yield finished(
            plan,
            steps,
            validated=validated,
            shown=last,
            seconds=self.seconds,
            memory_mib=memory,
            layers=layers,
            stopped=self.charge.stopped,
        )


def _worth_a_look(step: int, total: int) -> bool:
    """Early and often at first, then twenty times in all; the last look is the final one."""
    return step < total and (step in (1, 2, 5, 10) or step % max(1, total // _LOOKS) == 0)


def _share_of_rate(config: TrainConfig, step: int) -> float:
    if config.schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
