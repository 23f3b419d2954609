"""The attack that needs no search: a linear layer's gradient holds its input as it was."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import infer_label
from workbench.attacks.observation import Observation, refuse_not_numbers
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.search import Attack
from workbench.errors import BadInput


def analytic(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Read the image off the gradient of the first linear layer (Phong et al. 2017).

    A unit with pre-activation w x + b has dL/dw = (dL/db) x. The units are averaged with weights
    (dL/db)^2, the best ones where every coordinate has the same noise. Clipping scales both
    gradients alike and changes nothing.

    Args:
        observation: the gradient of one record.
        knowledge: of network and size; targets are not needed.
        seconds: of the clock that is shown; the answer comes at once.
        restarts: there is nothing to try again; taken so that all attacks are called alike.
        seed: nothing is drawn; the same.

    Returns:
        By yielding one ``Reconstructing``, in the end a ``Reconstruction``.

    Raises:
        BadInput: the gradient is of several records or not of numbers, or no linear layer sees
            the image.
    """
    del restarts, seed
    clock = Clock(seconds)
    if observation.batch_size != 1:
        raise BadInput(
            f"The analytic attack reads one record, not {observation.batch_size} at once; "
            "set the batch to 1, or take the two-stage attack.",
            field="batch",
        )
    refuse_not_numbers(observation.gradients)
    layer = first_linear(observation, knowledge)
    weight = observation.gradients[f"{layer}.weight"].double()
    bias = observation.gradients[f"{layer}.bias"].double()
    squares = float(bias @ bias)
    read = (bias @ weight) / squares if squares else torch.zeros(weight.shape[1])
    misfit = weight - torch.outer(bias, read)
    objective = float((misfit**2).sum() / (weight**2).sum().clamp(min=1e-300))
    picture = read.view(1, knowledge.size, knowledge.size).clamp(0, 1).float().numpy()
    yield Reconstructing(
        seconds=clock.elapsed, budget=seconds, stage="done", objective=objective, image=picture
    )
    return Reconstruction(
        images=picture,
        labels=_labels(observation),
        objective=objective,
        objective_history=np.array([[clock.elapsed, objective]]),
        seconds=clock.elapsed,
    )


def first_linear(observation: Observation, knowledge: Knowledge) -> str:
    """The name of the linear layer, with a bias, whose input is the image itself.

    Found by sending random pictures through the network, so that it does not matter in which order
    a network declares its layers.

    Raises:
        BadInput: there is none.
    """
    network = copy.deepcopy(knowledge.network)
    probe = torch.rand(2, 1, knowledge.size, knowledge.size)
    found: list[str] = []

    def look(name: str, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].numel() == probe.numel() and torch.equal(inputs[0].flatten(), probe.flatten()):
            found.append(name)

    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear) and f"{name}.bias" in observation.gradients:
            layer.register_forward_pre_hook(lambda _, inputs, name=name: look(name, inputs))
    with torch.no_grad():
        network(probe)
    if not found:
        raise BadInput(
            "The analytic attack needs a network that starts with a linear layer, such as mlp; "
            "take that model, or the two-stage attack.",
            field="attack",
        )
    return found[0]


def _labels(observation: Observation) -> np.ndarray | None:
    if observation.loss == "segmentation":
        return None
    return np.array([infer_label(observation)])
