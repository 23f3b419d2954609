"""What a training is: two frozen configs that check themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from workbench.accounting.guarantee import Unit
from workbench.dpsgd.engine_names import ENGINES
from workbench.errors import BadInput, check_choice, check_range
from workbench.runs.configs import LATER
from workbench.training.members import coins_of


@dataclass(frozen=True, kw_only=True)
class PrivacyConfig:
    """How a training is made private (DP-SGD, Abadi et al. 2016).

    Args:
        noise_multiplier: standard deviation of the noise in units of ``max_grad_norm``, >= 0.
        target_epsilon: instead of it, the budget to calibrate the noise to, > 0.
            Exactly one of the two is given.
        delta: in (0, 1) and below 1 / number of units (checked when the data are known).
        max_grad_norm: L2 norm that each unit's gradient is clipped to, > 0.
        unit: what one clipped gradient belongs to, a ``"patient"`` or a ``"slice"``.
        accountant: ``"pld"``, privacy loss distributions.
        noise: ``"secure"`` draws from the operating system's entropy; ``"seeded"`` can be
            repeated by anyone who knows the seed and therefore guarantees nothing.

    Raises:
        BadInput: a value is out of its range, or both or neither of noise and target are given.
    """

    noise_multiplier: float | None = None
    target_epsilon: float | None = None
    delta: float = 1e-4
    max_grad_norm: float = 1.0
    unit: Unit = "patient"
    accountant: Literal["pld"] = "pld"
    noise: Literal["secure", "seeded"] = "secure"

    def __post_init__(self) -> None:
        if (self.noise_multiplier is None) == (self.target_epsilon is None):
            given = "both" if self.noise_multiplier is not None else "neither"
            raise BadInput(
                f"Give either a noise multiplier or a target epsilon, not {given}: "
                "each follows from the other.",
                field="target_epsilon",
            )
        if self.target_epsilon == math.inf:
            raise BadInput(
                "A target epsilon of infinity asks for no privacy; leave the privacy settings out.",
                field="target_epsilon",
            )
        if self.target_epsilon is not None:
            hint = "small values such as 1 mean strong privacy"
            check_range("target_epsilon", self.target_epsilon, "(0, inf)", hint=hint)
        if self.noise_multiplier is not None:
            check_range("noise_multiplier", self.noise_multiplier, "[0, inf)")
        below = "choose it below 1 / number of patients"
        check_range("delta", self.delta, "(0, 1)", hint=below)
        check_range("max_grad_norm", self.max_grad_norm, "(0, inf)")
        check_choice("unit", self.unit, ("patient", "slice"))
        check_choice("accountant", self.accountant, ("pld",))
        check_choice("noise", self.noise, ("secure", "seeded"))


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training, complete: the same config on the same data is the same run.

    Args:
        data: a built-in name (``"phantom-liver"``) or a path.
        model: a name from the catalogue, or ``"package.module:function"`` for your own.
        task: ``"segmentation"`` or ``"classification"``; ``None`` takes what the data have.
        steps: optimizer steps, >= 1.
        sample_rate: probability with which each unit enters a step (Poisson sampling), in (0, 1].
            It stands here and not in ``privacy`` because non-private runs draw the same way.
        learning_rate: at the first step, > 0.
        schedule: ``"cosine"`` lets the learning rate fall to 0 along half a cosine, ``"constant"``
            keeps it.
        optimizer: ``"adam"`` or ``"sgd"``.
        ema_decay: of the exponential moving average of the weights, which then is what is
            validated and kept, in [0, 1); 0 keeps the last weights.
        weight_standardisation: whether filters in front of a normalisation keep mean 0 and norm 1.
        pretrained: a finished training run of this workspace to begin from; ``None`` begins from
            weights drawn from ``seed``.
        trainable: ``"all"`` parameters, those of the ``"last-block"``, or of the ``"head"`` only.
        privacy: ``None`` trains without privacy.
        augmentation_multiplicity: randomly moved views of each slice that are averaged before
            clipping (De et al. 2022); 1 trains on the slices as they are.
        image_size: side in pixels that slices are resized to; ``None`` keeps their own.
        patients: how many patients to train on, >= 1, drawn by ``split_seed`` such that fewer are
            a part of more; ``None`` takes all. Those who validate stay the same.
        members: who of them trains, decided by fair coins and written as ``"patient coins 7,
            half 0"`` (``training.members``), so that an attack on membership can be measured;
            ``None`` takes all. The ledger charges such a run as any other, on the whole set.
        seed: of weights and, where nothing is secret, sampling.
        split_seed: draws the patients who validate where the data have no split of their own.
            It stands apart from ``seed``, so that runs with several seeds share them: a patient
            who is public in one run is trained on in none.
        device: ``"cpu"`` or ``"cuda"``.
        precision: ``"float32"``, or ``"bfloat16"`` for forward and backward passes under autocast;
            weights, losses, norms and sums stay float32.
        engine: how a private run takes per-record gradients: ``"bookkeeping"``, or one of Opacus'
            own (``dpsgd.engine_names.ENGINES``). All release the same gradient.
        surgery: whether layers that break per-record privacy may be replaced.

    Raises:
        BadInput: a value is out of its range.
    """

    data: str = "phantom-liver"
    model: str = "unet"
    task: Literal["segmentation", "classification"] | None = None
    steps: int = 300
    sample_rate: float = 0.05
    learning_rate: float = 3e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    optimizer: Literal["adam", "sgd"] = "adam"
    ema_decay: float = 0.0
    weight_standardisation: bool = False
    pretrained: str | None = None
    trainable: Literal["all", "last-block", "head"] = "all"
    privacy: PrivacyConfig | None = None
    augmentation_multiplicity: int = 1
    image_size: int | None = None
    patients: int | None = None
    members: str | None = field(default=None, metadata=LATER)
    seed: int = 0
    split_seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"
    engine: str = "bookkeeping"
    surgery: bool = True

    def __post_init__(self) -> None:
        check_range("steps", self.steps, "[1, inf)")
        check_range("sample_rate", self.sample_rate, "(0, 1]")
        check_range("learning_rate", self.learning_rate, "(0, inf)")
        check_range("augmentation_multiplicity", self.augmentation_multiplicity, "[1, inf)")
        if self.image_size is not None:
            check_range("image_size", self.image_size, "[16, 512]")
        if self.patients is not None:
            check_range("patients", self.patients, "[1, inf)")
        if self.members is not None:
            self._check_coins(self.members)
        check_range("seed", self.seed, "[0, inf)")
        check_range("split_seed", self.split_seed, "[0, inf)")
        check_range("ema_decay", self.ema_decay, "[0, 1)")
        check_choice("schedule", self.schedule, ("cosine", "constant"))
        check_choice("trainable", self.trainable, ("all", "last-block", "head"))
        check_choice("optimizer", self.optimizer, ("adam", "sgd"))
        check_choice("device", self.device, ("cpu", "cuda"))
        check_choice("precision", self.precision, ("float32", "bfloat16"))
        check_choice("engine", self.engine, tuple(ENGINES))
        if self.task is not None:
            check_choice("task", self.task, ("segmentation", "classification"))

    def _check_coins(self, members: str) -> None:
        unit = coins_of(members).unit
        if self.privacy is not None and unit != self.privacy.unit:
            raise BadInput(
                f"Coins are thrown for each {unit}, but what is protected is a "
                f"{self.privacy.unit}; throw them for each {self.privacy.unit}.",
                field="members",
            )


def train_config(**settings: Any) -> TrainConfig:
    """A config from flat settings, as words on a command line or in a call are.

    Args:
        settings: fields of ``TrainConfig`` and ``PrivacyConfig`` side by side; those that are
            ``None`` take their default. Any privacy setting makes the training private.

    Raises:
        BadInput: a setting is unknown or out of range, or privacy settings stand without a
            budget or a noise.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    privacy = {field.name for field in fields(PrivacyConfig)}
    own = {field.name for field in fields(TrainConfig)} - {"privacy"}
    unknown = sorted(given.keys() - privacy - own)
    if unknown:
        known = ", ".join(sorted(privacy | own))
        raise BadInput(f"Unknown setting {unknown[0]}; known settings are {known}.")
    private = {name: value for name, value in given.items() if name in privacy}
    return TrainConfig(
        **{name: value for name, value in given.items() if name in own},
        privacy=PrivacyConfig(**private) if private else None,
    )
