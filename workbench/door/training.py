"""Train in a line, for notebooks and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.accounting.guarantee import Guarantee
from workbench.imaging.keeping import keep
from workbench.imaging.sliceset import SliceSet
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.runs.work import outcome
from workbench.training.config import train_config
from workbench.training.events import SCORES


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A finished training.

    Attributes:
        id: its name in the store; ``workbench runs show`` takes it.
        model: name of the network.
        scores: on the validation patients: Dice and 95 % Hausdorff distance, or AUROC, balanced
            accuracy and MCC; and the calibration error.
        guarantee: what was promised to whom.
    """

    id: str
    model: str
    scores: dict[str, float]
    guarantee: Guarantee


def train(data: str | SliceSet, **settings: Any) -> TrainedRun:
    """Train a network here and now, and record the run.

    Args:
        data: a built-in name, a path, or a set of slices.
        settings: fields of ``TrainConfig`` and ``PrivacyConfig`` (``model="unet"``, ``steps=300``,
            ``target_epsilon=8``, ``delta=1e-5``, ``unit="patient"``).

    Raises:
        BadInput: data and settings do not fit together.
    """
    source = data if isinstance(data, str) else str(keep(data))
    config = train_config(data=source, **settings)
    store = Store()
    run = store.open("train", config_to_json(config))
    values = store.record(run).config
    *_, last = drive("workbench.training.loop:work", values, run=run, store=store)
    result = outcome(last)
    record = store.record(run)
    assert record.guarantee is not None
    return TrainedRun(
        id=run,
        model=config.model,
        scores={name: result[name] for name in SCORES if name in result},
        guarantee=config_from_json(Guarantee, record.guarantee),
    )
