"""The choices that a single training and a study of trainings share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal, cast

import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.model import PanelModel
from workbench.training.config import PrivacyConfig, TrainConfig

Task = Literal["segmentation", "classification"]


@dataclass(frozen=True)
class Drawn:
    """Phantoms that are offered by name.

    Attributes:
        words: in the list of data.
        task: what can be learned from them.
        patients: how many are drawn; 15 in 100 of them validate.
        slices: of each patient.
    """

    words: str
    task: Task
    patients: int
    slices: int

    @property
    def train_patients(self) -> int:
        """Those that are trained on."""
        return self.patients - round(0.15 * self.patients)


DRAWN: Final = {
    "phantom-liver:patients=200,slices=4": Drawn(
        "phantoms, outline the liver", "segmentation", 200, 4
    ),
    "phantom-liver:patients=300,slices=2": Drawn(
        "phantoms, liver, more patients", "segmentation", 300, 2
    ),
    "phantom-lesion:patients=200,slices=4": Drawn(
        "phantoms, lesion or none", "classification", 200, 4
    ),
    "phantom-liver": Drawn("phantoms, liver, more slices", "segmentation", 200, 8),
    "phantom-lesion": Drawn("phantoms, lesion, more slices", "classification", 200, 8),
}
"""The first is small enough for a first training in about a minute."""

MODELS: Final[dict[Task, dict[str, str]]] = {
    "segmentation": {
        "unet": "U-Net",
        "unet-small": "small U-Net",
        "unet-folded": "U-Net on folded pixels",
        "unet-batchnorm": "U-Net with BatchNorm",
        "mlp": "one hidden layer",
    },
    "classification": {
        "cnn": "small CNN",
        "resnet9": "ResNet-9",
        "resnet18": "ResNet-18",
        "mlp": "one hidden layer",
    },
}
"""The catalogue's names in words, without loading torch into the notebook;
``tests/panels/test_train_panel.py`` holds them against the catalogue."""


class TrainingChoices(PanelModel):
    """Data, network and optimisation, named as in ``TrainConfig`` and ``PrivacyConfig``."""

    data = T.Unicode(next(iter(DRAWN))).tag(param=True)
    task = T.Enum([None, "segmentation", "classification"], None, allow_none=True).tag(param=True)
    model = T.Unicode("unet").tag(param=True)
    steps = T.Int(150).tag(param=True)
    sample_rate = T.Float(0.05).tag(param=True)
    learning_rate = T.Float(6e-3).tag(param=True)
    schedule = T.Unicode("cosine").tag(param=True)
    optimizer = T.Unicode("adam").tag(param=True)
    ema_decay = T.Float(0.0).tag(param=True)
    weight_standardisation = T.Bool(False).tag(param=True)
    pretrained = T.Unicode(None, allow_none=True).tag(param=True)
    trainable = T.Unicode("all").tag(param=True)
    augmentation_multiplicity = T.Int(1).tag(param=True)
    image_size = T.Int(64, allow_none=True).tag(param=True)
    patients = T.Int(None, allow_none=True).tag(param=True)
    members = T.Unicode(None, allow_none=True).tag(param=True)
    split_seed = T.Int(0).tag(param=True)
    device = T.Unicode("cpu").tag(param=True)
    precision = T.Unicode("float32").tag(param=True)
    engine = T.Unicode("bookkeeping").tag(param=True)
    surgery = T.Bool(True).tag(param=True)
    delta = T.Float(1e-3).tag(param=True)
    max_grad_norm = T.Float(1.0).tag(param=True)
    unit = T.Unicode("patient").tag(param=True)

    def __init__(self, **params: Any) -> None:
        super().__init__(**self._with_fitting_model(params))

    def set(self, **params: Any) -> None:
        """Set choices by name; where the data change, the model follows unless it is given too."""
        super().set(**self._with_fitting_model(params))

    @property
    def learns(self) -> Task | None:
        """The task, where it is known before the data are read."""
        return self._learns(self.data, self.task)

    def models_offered(self) -> dict[str, str]:
        """Names and words of the networks that fit; a person's own model stays among them."""
        every = {name: words for fitting in MODELS.values() for name, words in fitting.items()}
        offered = MODELS[self.learns] if self.learns else every
        own = {} if self.model in offered else {self.model: every.get(self.model, self.model)}
        return {**offered, **own}

    def training(self, privacy: PrivacyConfig | None, *, seed: int = 0) -> TrainConfig:
        """The training that the choices describe.

        Raises:
            BadInput: a choice is out of range, or they do not go together.
        """
        if not self.data:
            raise BadInput("Name a file or a folder on this machine.", field="data")
        fitting = MODELS[self.learns] if self.learns else {}
        if fitting and self.model not in fitting and ":" not in self.model:
            raise BadInput(
                f"Model {self.model} is not made for {self.learns}; choose {', '.join(fitting)}.",
                field="model",
            )
        own = {field.name for field in fields(TrainConfig)} - {"privacy", "seed"}
        chosen = {name: getattr(self, name) for name in own}
        config = TrainConfig(**chosen, privacy=privacy, seed=seed)
        if self.data in DRAWN:
            _check_counts(config, DRAWN[self.data])
        return config

    def _with_fitting_model(self, params: dict[str, Any]) -> dict[str, Any]:
        """The choices, and with them a model for the task where they change it."""
        if "model" in params or not {"data", "task"} & params.keys():
            return params
        task = self._learns(params.get("data", self.data), params.get("task", self.task))
        if task is None or self.model in MODELS[task] or ":" in self.model:
            return params
        return {**params, "model": next(iter(MODELS[task]))}

    @staticmethod
    def _learns(data: str, task: str | None) -> Task | None:
        drawn = DRAWN.get(data)
        return cast(Task, task) if task else (drawn.task if drawn else None)


def _check_counts(config: TrainConfig, drawn: Drawn) -> None:
    """The number of phantoms is known before they are drawn; that of others is not."""
    patients, privacy = config.patients or drawn.train_patients, config.privacy
    if patients > drawn.train_patients:
        raise BadInput(
            f"There are {drawn.train_patients} patients to train on, not {patients}; ask for at "
            "most as many, or for all of them.",
            field="patients",
        )
    units = patients * (1 if privacy is None or privacy.unit == "patient" else drawn.slices)
    if privacy is not None and privacy.delta >= 1 / units:
        raise BadInput(
            f"Delta must be below 1 / number of {privacy.unit}s (1/{units} = {1 / units:.2g}), "
            f"not {privacy.delta:g}.",
            field="delta",
        )
