"""The weights that a training has left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from workbench.errors import BadInput, NothingToResume
from workbench.runs.events import Checkpointed
from workbench.runs.record import RunRecord
from workbench.runs.store import Store

WEIGHTS, AVERAGE = "model/", "average/"
"""How the tensors of a checkpoint are named: weights as trained, and their moving average."""


def weights_of(saved: Checkpointed) -> dict[str, Tensor]:
    """What a finished network computes with: the moving average where there is one."""
    return tensors_under(saved, AVERAGE) or tensors_under(saved, WEIGHTS)


def tensors_under(saved: Checkpointed, prefix: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint whose names begin with this, named by the rest."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(value))
        for name, value in saved.tensors.items()
        if name.startswith(prefix)
    }


def trained_run(run: str, home: Path | None = None) -> tuple[RunRecord, dict[str, Tensor]]:
    """A finished training of a workspace, and its weights.

    Args:
        run: its id.
        home: the workspace; ``None`` takes the person's own.

    Raises:
        BadInput: there is no such run, it is no training, or it has not finished.
    """
    store = Store(home)
    try:
        record = store.record(run)
        if record.kind != "train" or record.status != "finished":
            raise BadInput(
                f"Run {run} is not a finished training; 'workbench runs list' names those that are."
            )
        return record, weights_of(store.checkpoint(run))
    except NothingToResume:
        raise BadInput(f"Run {run} has left no weights; train anew.") from None
    finally:
        store.close()


def put_weights(network: nn.Module, weights: Mapping[str, Tensor], run: str) -> None:
    """Load weights into a network of the same shape, in place.

    Raises:
        BadInput: the network has other layers, sizes or classes.
    """
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError:
        raise BadInput(
            f"The weights of {run} do not fit this network; take the model, image size and classes "
            "that it was trained with."
        ) from None
