"""Finished trainings of this workspace whose networks can be attacked."""

from __future__ import annotations

from typing import Any, NamedTuple

from workbench.panels.attack_networks import NETWORKS
from workbench.runs.record import RunRecord
from workbench.runs.store import Store


class Training(NamedTuple):
    """One finished training, as somebody who attacks its network chooses it.

    Attributes:
        run: its id.
        model: name in the catalogue of networks.
        data: what it was trained on, as its config says it.
        size: side of its slices in pixels; ``None`` where they were taken as they are.
        steps: that it took.
        noise: its noise multiplier; ``None`` where nothing was private.
        max_grad_norm: that records were clipped to; ``None`` where nothing was private.
    """

    run: str
    model: str
    data: str
    size: int | None
    steps: int
    noise: float | None
    max_grad_norm: float | None

    def __str__(self) -> str:
        private = "no DP" if self.noise is None else f"σ = {self.noise:.3g}"
        return f"…{self.run[-6:]}: {self.steps} steps, {private}"


def finished_trainings(model: str | None = None) -> list[Training]:
    """Finished trainings of the catalogue's networks, the newest first.

    Args:
        model: only those of this network.
    """
    return [
        _training(record)
        for record in reversed(Store().list("train"))
        if record.status == "finished"
        and record.config.get("model") in ([model] if model else NETWORKS)
    ]


def newest_training() -> Training | None:
    """The newest of them; ``None`` where there is none."""
    return next(iter(finished_trainings()), None)


def _training(record: RunRecord) -> Training:
    config, result = record.config, record.result or {}
    private: dict[str, Any] | None = config.get("privacy")
    return Training(
        run=record.id,
        model=config["model"],
        data=config["data"],
        size=config.get("image_size"),
        steps=result.get("steps", config["steps"]),
        noise=result.get("noise_multiplier") if private else None,
        max_grad_norm=private.get("max_grad_norm") if private else None,
    )
