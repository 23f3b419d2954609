"""From a config to everything a training needs: data, network, calibrated noise, a promise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.guarantee import Guarantee, Unit, round_up
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import epsilon_for_drawing, epsilon_spent, noise_for
from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet
from workbench.models.catalogue import build
from workbench.models.fitness import Finding, make_fit
from workbench.models.losses import Task
from workbench.models.standardised import standardise, standardised_layers
from workbench.models.trainable import freeze_but
from workbench.models.weights import put_weights
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.parts import Parts, parts_of
from workbench.training.pretraining import Pretrained

_LIVE_GRID = 1e-3
"""Of epsilon while a training runs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A training that is ready to run.

    Attributes:
        config: what was asked for.
        task: what the network learns.
        train, validation: the slices, of different patients.
        fingerprint: of the whole data set.
        unit: what one clipped gradient belongs to.
        unit_count: how many units the training slices have.
        largest_patient: training slices of the patient with the most.
        noise_multiplier: as given or calibrated; 0 where nothing is private.
        surgery: layers that were replaced.
        pretrained: the weights that the network begins with, ``None`` where they are drawn.
    """

    config: TrainConfig
    task: Task
    train: SliceSet
    validation: SliceSet
    fingerprint: str
    unit: Unit
    unit_count: int
    largest_patient: int
    noise_multiplier: float
    model: nn.Module
    surgery: tuple[Finding, ...]
    pretrained: Pretrained | None = None

    def guarantee(self, steps: int) -> Guarantee:
        """What is guaranteed after this many steps."""
        privacy = self.config.privacy
        if privacy is None or self.unprotected:
            return Guarantee.none(self.unprotected)
        return Guarantee(
            epsilon=self.epsilon(steps),
            delta=privacy.delta,
            unit=privacy.unit,
            sampling=f"Poisson q = {self.config.sample_rate:g}, {steps} steps",
            assumptions=(
                f"the number of {privacy.unit}s",
                "the grey-value window",
                "the validation patients, who are not protected",
                *self._drawn,
                *([self.pretrained.words] if self.pretrained else []),
            ),
        )

    @property
    def unprotected(self) -> str:
        """Why the training protects nobody; empty where it does."""
        privacy = self.config.privacy
        if privacy is None:
            return "trained without noise"
        if self.noise_multiplier == 0:
            return "gradients were clipped, but no noise was added"
        if privacy.noise == "seeded":
            return "the noise was drawn from a seed, so anyone can compute it again"
        return ""

    def epsilon(self, steps: int) -> float:
        """Epsilon by the accountant after this many steps, whatever the noise came from."""
        return epsilon_spent(**self._mechanism, steps=steps)

    def epsilon_at_most(self, steps: int) -> float:
        """A little above :meth:`epsilon`, in a fraction of the time."""
        return epsilon_for_drawing(**self._mechanism, steps=steps, grid=_LIVE_GRID)

    def whole_patient(self, steps: int) -> str:
        """What a guarantee for slices means for the patient with the most of them; else empty.

        Each of the k slices is sampled by itself, which is a mixture of Gaussians (Ganesh 2024).
        """
        promise = self.guarantee(steps)
        if not promise.private or self.unit == "patient" or self.largest_patient == 1:
            return ""
        mechanism = Mechanism(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.config.sample_rate,
            steps=steps,
            group=self.largest_patient,
        )
        epsilon = composed_epsilon([mechanism], promise.delta, grid=_LIVE_GRID)
        return (
            f"For the patient with the most slices, {self.largest_patient}, "
            f"this is ({round_up(epsilon)}, {promise.delta:g})-DP."
        )

    @property
    def _drawn(self) -> tuple[str, ...]:
        # Who is left out follows from who is in the set: it is public, or it tells of them.
        few = self.config.patients is not None
        return ("which of the patients were drawn to train on",) if few else ()

    @property
    def _mechanism(self) -> dict[str, float]:
        assert self.config.privacy is not None
        return {
            "noise_multiplier": self.noise_multiplier,
            "sample_rate": self.config.sample_rate,
            "delta": self.config.privacy.delta,
        }


def make_plan(config: TrainConfig, slices: SliceSet, pretrained: Pretrained | None = None) -> Plan:
    """Split, build and calibrate; every mistake that can be seen beforehand is seen here.

    Args:
        config: what to train.
        slices: the data that it names.
        pretrained: the weights to begin with.

    Raises:
        BadInput: data, task, model and privacy settings do not fit together.
    """
    if slices.height != slices.width:
        raise BadInput(
            f"{slices.name}: networks take square slices, these are {slices.height} x "
            f"{slices.width}; give an image size, and they are padded and resized.",
            field="image_size",
        )
    parts = parts_of(config, slices)
    unit: Unit = config.privacy.unit if config.privacy else "slice"
    unit_count = parts.train.patient_count if unit == "patient" else len(parts.train)
    if config.privacy:
        _check_delta(config.privacy, unit_count)
    model, surgery = network_of(config, parts)
    if pretrained is not None:
        _begin_from(model, pretrained)
    if config.weight_standardisation:
        standardise(standardised_layers(model))
    freeze_but(model, config.trainable)
    return Plan(
        config=config,
        task=parts.task,
        train=parts.train,
        validation=parts.validation,
        fingerprint=parts.fingerprint,
        unit=unit,
        unit_count=unit_count,
        largest_patient=largest_patient(parts.train),
        noise_multiplier=_noise(config),
        model=model.to(_device(config)),
        surgery=surgery,
        pretrained=pretrained,
    )


def network_of(config: TrainConfig, parts: Parts) -> tuple[nn.Module, tuple[Finding, ...]]:
    """The network of a training with weights drawn from its seed.

    Args:
        config: of the training.
        parts: of its data.

    Returns:
        It, and the layers that had to be replaced in it.

    Raises:
        BadInput: it cannot be built, or not made fit for private training.
    """
    slices = parts.candidates
    model = build(
        config.model,
        size=slices.width,
        classes=len(slices.classes),
        task=parts.task,
        seed=config.seed,
    )
    if config.privacy is None:
        return model, ()
    example = torch.zeros(2, 1, slices.height, slices.width)
    model, surgery = make_fit(model, surgery=config.surgery, example=example)
    return model, tuple(surgery)


def _begin_from(model: nn.Module, pretrained: Pretrained) -> None:
    try:
        put_weights(model, pretrained.weights, pretrained.run)
    except BadInput as error:
        raise BadInput(error.message, field="pretrained") from None


def largest_patient(slices: SliceSet) -> int:
    """Slices of the patient who has most."""
    return int(np.unique(slices.patients, return_counts=True)[1].max())


def targets_of(task: Task, slices: SliceSet, index: np.ndarray) -> Tensor:
    """The targets of these slices: int64 ``(B,)`` labels or ``(B, 1, H, W)`` class indices."""
    source = slices.masks if task == "segmentation" else slices.labels
    assert source is not None
    return torch.as_tensor(source[index], dtype=torch.int64)


def _check_delta(privacy: PrivacyConfig, units: int) -> None:
    if privacy.delta >= 1 / units:
        raise BadInput(
            f"Delta must be below 1 / number of {privacy.unit}s (1/{units} = {1 / units:.2g}), not "
            f"{privacy.delta:g}; with a larger one a whole record could be given away.",
            field="delta",
        )


def _noise(config: TrainConfig) -> float:
    privacy = config.privacy
    if privacy is None:
        return 0.0
    if privacy.noise_multiplier is not None:
        return privacy.noise_multiplier
    assert privacy.target_epsilon is not None
    return noise_for(
        target_epsilon=privacy.target_epsilon,
        sample_rate=config.sample_rate,
        steps=config.steps,
        delta=privacy.delta,
    )


def _device(config: TrainConfig) -> torch.device:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise BadInput(
            "There is no CUDA device on this machine; set device to cpu.", field="device"
        )
    return torch.device(config.device)
