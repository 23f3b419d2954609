"""Weights that a training of this workspace ended with, in the network that is attacked."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.models.weights import put_weights, trained_run


def load_trained(network: nn.Module, config: AttackConfig, home: Path | None) -> None:
    """Put the weights of ``config.trained`` into a network, in place.

    Args:
        network: fit for per-record gradients; made as the training makes its own.
        config: of the attack; ``trained`` names the run.
        home: folder of the workspace; ``None`` for the person's own.

    Raises:
        BadInput: there is no such run, it is no finished training, or it trained another network.
    """
    run = str(config.trained)
    for field in ("activation", "normalisation"):
        if getattr(config, field) is not None:
            raise BadInput(
                f"{run} was trained with the {field} that its network has; "
                f"leave {field} out, or attack an untrained network.",
                field=field,
            )
    try:
        record, weights = trained_run(run, home)
        model = record.config["model"]
        if model != config.model:
            raise BadInput(
                f"Run {run} trained {model}, not {config.model}; set the model to {model}, "
                "or name another run."
            )
        put_weights(network, weights, run)
    except BadInput as error:
        raise BadInput(error.message, field="trained") from None
