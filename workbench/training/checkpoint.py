"""A training's state as tensors and JSON, so that it can go on exactly where it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.dpsgd.randomness import RandomStream, SeededStream
from workbench.errors import BadInput
from workbench.models.weights import AVERAGE, WEIGHTS, tensors_under
from workbench.runs.events import Checkpointed
from workbench.training.averaging import WeightAverage


def save(
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    streams: dict[str, RandomStream],
    movements: torch.Generator,
    average: WeightAverage,
) -> Checkpointed:
    """Everything the next step depends on. The state of a secure stream is left out on purpose."""
    tensors = {f"{WEIGHTS}{name}": value for name, value in model.state_dict().items()}
    if average.tensors:
        tensors |= {f"{AVERAGE}{name}": value for name, value in average.state().items()}
    for index, kept in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(v) for key, v in kept.items()}
    tensors["movements"] = movements.get_state()
    states = {name: stream.state() for name, stream in streams.items()}
    return Checkpointed(
        step=step,
        tensors={name: _array(value) for name, value in tensors.items()},
        state={"streams": states},
    )


def restore(
    saved: Checkpointed,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    streams: dict[str, RandomStream],
    movements: torch.Generator,
    average: WeightAverage,
) -> None:
    """Put model, optimizer, seeded streams and movements back, in place.

    Raises:
        BadInput: the checkpoint belongs to another network.
    """
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in saved.tensors.items()}
    try:
        model.load_state_dict(tensors_under(saved, WEIGHTS))
    except RuntimeError:
        raise BadInput(
            "The checkpoint holds the weights of another network; resume it with its own config.",
            field="model",
        ) from None
    optimizer.load_state_dict(
        {"state": _optimizer_state(tensors), "param_groups": optimizer.state_dict()["param_groups"]}
    )
    movements.set_state(tensors["movements"])
    average.restore(tensors_under(saved, AVERAGE))
    for name, state in saved.state["streams"].items():
        if state is not None:
            streams[name] = SeededStream.resume(state)


def _optimizer_state(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = value
    return state


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy().copy()
    return array
