"""Training as a stream of events: private and non-private, one loop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from workbench.dpsgd.gradients import GradientEngine, OpacusEngine, PlainEngine
from workbench.dpsgd.randomness import RandomStream, SecureStream, SeededStream
from workbench.dpsgd.sampler import Units, draw_records
from workbench.imaging.loading import loading
from workbench.models.losses import record_losses
from workbench.runs.configs import config_from_json
from workbench.runs.events import Checkpointed, Event, Finished, Progress, Started, to_json
from workbench.training import checkpoint as checkpoints
from workbench.training.augmentation import moved
from workbench.training.config import TrainConfig
from workbench.training.events import Step
from workbench.training.meter import EpsilonMeter
from workbench.training.plan import Plan, make_plan, targets_of
from workbench.training.validation import preview, validate

_RECORDS_AT_ONCE = 32
_LOOKS = 20
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_SECONDS_BEFORE_A_SIGN = 0.5


def work(config: dict[str, Any], checkpoint: Checkpointed | None) -> Iterator[Event]:
    """:func:`train` for a background job: the config comes as JSON values."""
    return train(config_from_json(TrainConfig, config), checkpoint)


def train(config: TrainConfig, checkpoint: Checkpointed | None = None) -> Iterator[Event]:
    """Train a network; closing the iterator stops.

    Args:
        config: what to train.
        checkpoint: where to go on. With secure randomness the steps taken after the checkpoint
            were spent although their result is lost: they are counted, not repeated.

    Yields:
        ``Progress`` while phantoms are drawn; ``Started``; then ``Step``, ``Validated``,
        ``Preview`` and ``Checkpointed``; last ``Finished``, whose result holds the scores, the
        budget and the guarantee.

    Raises:
        BadInput: data, model and settings do not fit together.
    """
    slices = yield from loading(config.data, size=config.image_size)
    plan = make_plan(config, slices)
    yield Started(facts=_facts(plan))
    yield from _Training(plan).run(checkpoint)


class _Training:
    """The mutable parts of one training."""

    def __init__(self, plan: Plan) -> None:
        config = plan.config
        privacy = config.privacy
        self.plan = plan
        self.units = Units.of(plan.train.patients, plan.unit)
        secure = privacy is not None and privacy.noise == "secure"
        self.streams: dict[str, RandomStream] = {
            name: SecureStream() if secure else SeededStream(config.seed, number)
            for number, name in enumerate(("sampling", "noise"), start=1)
        }
        self.movements = torch.Generator().manual_seed(config.seed)
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.SGD
        # The engine's hooks stay on this copy; what is shown and explained is the plan's network.
        self.model = copy.deepcopy(plan.model)
        self.optimizer = kind(self.model.parameters(), lr=config.learning_rate)
        self.meter = EpsilonMeter(
            plan.epsilon if privacy else None, config.steps, plan.epsilon_at_most
        )
        self.seconds: list[float] = []

    def run(self, checkpoint: Checkpointed | None) -> Iterator[Event]:
        first = 1
        if checkpoint is not None:
            checkpoints.restore(
                checkpoint, self.model, self.optimizer, self.streams, self.movements
            )
            first = 1 + self._steps_spent(checkpoint)
        else:
            yield from self._look(0)
        engine = self._engine()
        try:
            yield from self._steps(engine, first)
        finally:
            engine.detach()
        yield self._checkpoint(self.plan.config.steps)
        yield from self._finish()

    def _steps(self, engine: GradientEngine, first: int) -> Iterator[Event]:
        total = self.plan.config.steps
        saved_at = time.monotonic()
        for step in range(first, total + 1):
            yield from self._step(engine, step)
            if _worth_a_look(step, total):
                yield from self._look(step)
            if time.monotonic() - saved_at > _SECONDS_BETWEEN_CHECKPOINTS and step < total:
                yield self._checkpoint(step)
                saved_at = time.monotonic()

    def _step(self, engine: GradientEngine, step: int) -> Iterator[Event]:
        began = time.perf_counter()
        config = self.plan.config
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * _half_cosine(step - 1, config.steps)
        records = draw_records(self.units, config.sample_rate, self.streams["sampling"])
        self.optimizer.zero_grad()
        loss = 0.0
        for chunk in self._chunks(records):
            loss += self._accumulate(engine, chunk)
            if time.perf_counter() - began > _SECONDS_BEFORE_A_SIGN:
                yield Progress(done=step - 1, total=config.steps, doing="taking a large step")
        engine.release()
        self.optimizer.step()
        self.seconds.append(time.perf_counter() - began)
        shown = config.privacy is None
        yield Step(
            step=step,
            total=config.steps,
            epsilon=self.meter.at(step),
            loss=loss / len(records) if shown and len(records) else None,
            records=len(records) if shown else None,
        )

    def _accumulate(self, engine: GradientEngine, records: np.ndarray) -> float:
        plan, views = self.plan, self.plan.config.augmentation_multiplicity
        device = next(self.model.parameters()).device
        images = torch.from_numpy(plan.train.images[records])
        targets = targets_of(plan.task, plan.train, records)
        units = self.units.of_record[records]
        if views > 1:
            images, targets = (
                images.repeat(views, 1, 1, 1),
                targets.repeat(views, *[1] * (targets.ndim - 1)),
            )
            units = np.tile(units, views)
            masks = targets if plan.task == "segmentation" else None
            images, masks = moved(images, masks, self.movements)
            targets = targets if masks is None else masks
        losses = record_losses(plan.task, engine.model(images.to(device)), targets.to(device))
        engine.accumulate(losses, units)
        return float(losses.detach().sum()) / views

    def _chunks(self, records: np.ndarray) -> Iterator[np.ndarray]:
        """Parts of a draw that fit in memory; a unit's records stay together."""
        limit = max(1, _RECORDS_AT_ONCE // self.plan.config.augmentation_multiplicity)
        begin = 0
        borders = np.flatnonzero(np.diff(self.units.of_record[records])) + 1
        for end, following in zip(
            [*borders, len(records)], [*borders[1:], len(records), None], strict=False
        ):
            if following is None or following - begin > limit:
                if end > begin:
                    yield records[begin:end]
                begin = end

    def _engine(self) -> GradientEngine:
        plan, privacy = self.plan, self.plan.config.privacy
        if privacy is None:
            return PlainEngine(self.model)
        return OpacusEngine(
            self.model,
            max_grad_norm=privacy.max_grad_norm,
            noise_multiplier=plan.noise_multiplier,
            expected_units=plan.config.sample_rate * plan.unit_count,
            stream=self.streams["noise"],
        )

    def _steps_spent(self, checkpoint: Checkpointed) -> int:
        repeatable = checkpoint.state["streams"]["noise"] is not None
        reached = int(checkpoint.state.get("reached", checkpoint.step))
        return checkpoint.step if repeatable else min(reached, self.plan.config.steps)

    def _checkpoint(self, step: int) -> Checkpointed:
        return checkpoints.save(step, self.model, self.optimizer, self.streams, self.movements)

    def _look(self, step: int) -> Iterator[Event]:
        self.plan.model.load_state_dict(self.model.state_dict())
        yield validate(self.plan, step, everything=False)
        yield preview(self.plan, step)

    def _finish(self) -> Iterator[Event]:
        plan, config = self.plan, self.plan.config
        plan.model.load_state_dict(self.model.state_dict())
        validated = validate(plan, config.steps, everything=True)
        yield validated
        last = preview(plan, config.steps)
        yield last
        guarantee = plan.guarantee(config.steps)
        privacy = config.privacy
        result = {
            **validated.scores,
            "loss": validated.loss,
            "epsilon": plan.epsilon(config.steps) if privacy else math.inf,
            "delta": privacy.delta if privacy else None,
            "unit": plan.unit if privacy else None,
            "accountant": "PLD" if privacy else None,
            "noise_multiplier": plan.noise_multiplier,
            "max_grad_norm": privacy.max_grad_norm if privacy else None,
            "sample_rate": config.sample_rate,
            "steps": config.steps,
            "seconds_per_step": float(np.median(self.seconds)) if self.seconds else None,
            "guarantee": str(guarantee),
            "surgery": [str(found) for found in plan.surgery],
        }
        arrays = {
            "images": last.images,
            "truths": last.truths,
            "predictions": last.predictions,
            "attributions": last.attributions,
        }
        yield Finished(
            result=to_json(result), arrays={k: v for k, v in arrays.items() if v is not None}
        )


def _facts(plan: Plan) -> dict[str, Any]:
    guarantee = plan.guarantee(plan.config.steps)
    facts: dict[str, Any] = to_json(
        {
            "data": plan.train.name,
            "provenance": plan.train.provenance,
            "fingerprint": plan.fingerprint,
            "task": plan.task,
            "classes": plan.train.classes,
            "train_patients": plan.train.patient_count,
            "train_slices": len(plan.train),
            "validation_patients": plan.validation.patient_count,
            "validation_slices": len(plan.validation),
            "size": plan.train.width,
            "parameters": sum(p.numel() for p in plan.model.parameters()),
            "surgery": [str(found) for found in plan.surgery],
            "noise_multiplier": plan.noise_multiplier,
            "steps": plan.config.steps,
            "guarantee": asdict(guarantee),
            "promise": str(guarantee),
        }
    )
    return facts


def _worth_a_look(step: int, total: int) -> bool:
    """Early and often at first, then twenty times in all; the last look is the final one."""
    return step < total and (step in (1, 2, 5, 10) or step % max(1, total // _LOOKS) == 0)


def _half_cosine(step: int, total: int) -> float:
    return (1 + math.cos(math.pi * step / total)) / 2
