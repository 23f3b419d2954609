"""The claim of a finished training, as settings of an audit."""

from __future__ import annotations

from typing import Any

from workbench.auditing.claim import ADJACENCY
from workbench.errors import BadInput
from workbench.runs.configs import config_from_json
from workbench.runs.record import RunRecord
from workbench.training.config import TrainConfig


def audit_of(record: RunRecord) -> dict[str, Any]:
    """What to audit of a run: its mechanism, network and optimizer, on records that cost nothing.

    Nothing of the run itself is looked at: the same code trains again, with canaries.

    Args:
        record: of a private training that has finished.

    Returns:
        Fields of ``AuditConfig``.

    Raises:
        BadInput: it is no finished training, or has no privacy to claim.
    """
    if record.kind != "train" or record.result is None:
        raise BadInput(f"Run {record.id} is no finished training; name one.", field="run")
    config = config_from_json(TrainConfig, record.config)
    privacy, result = config.privacy, record.result
    if privacy is None or not float(result["noise_multiplier"]):
        raise BadInput(
            f"Run {record.id} was trained without noise, so there is no claim to audit; "
            "name a private one.",
            field="run",
        )
    return {
        "engine": config.engine,
        "network": config.model,
        "task": config.task,
        "noise_multiplier": float(result["noise_multiplier"]),
        "sample_rate": config.sample_rate,
        "steps": int(result["steps"]),
        "delta": privacy.delta,
        "unit": privacy.unit,
        "adjacency": ADJACENCY,
        "noise": privacy.noise,
        "max_grad_norm": privacy.max_grad_norm,
        "optimizer": config.optimizer,
    }
