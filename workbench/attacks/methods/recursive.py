"""Solving for the input of layer after layer, from the last one back to the image."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_input, conv2d_weight

from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import infer_label
from workbench.attacks.methods.chain import Link, backed, chain, unbent
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.search import Attack, picture
from workbench.errors import BadInput

_CONVERGED = 1e-26
"""Squared, relative: of the normal equations' residual."""

_FRAME_SECONDS = 0.15
_GREY = 0.3

Solving = Generator[tuple[Tensor, float], None, tuple[Tensor, float]]
"""Guesses of a layer's input with the misfit of its equations; the last one is returned."""


def recursive(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Go back through a chain of layers (R-GAP, Zhu and Blaschko 2021).

    The last bias' gradient is the slope of the loss along the outputs. Each layer hands it on
    through its weights; a layer's input follows from two sets of linear equations, its output
    ("weight constraints") and its weights' gradient ("gradient
    constraints"), solved by least squares; its output follows from the next layer's input because
    the activation can be inverted. Clipping scales all slopes alike and changes nothing.

    Args:
        observation: the gradient of one record.
        knowledge: of network and size; targets are not needed.
        seconds: for all layers together, > 0.
        restarts: the equations have one solution; taken so that all attacks are called alike.
        seed: nothing is drawn; the same.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``; its
        objective is the squared misfit of the first layer's equations over their right side's.

    Raises:
        BadInput: several records; the network is no chain of linear layers and convolutions with
            activations that can be inverted; a layer has fewer equations than unknowns.
    """
    del restarts, seed
    if observation.batch_size != 1:
        raise BadInput(
            f"The recursive attack reads one record, not {observation.batch_size} at once; "
            "set the batch to 1, or take the two-stage attack.",
            field="batch",
        )
    clock = Clock(seconds)
    grey = np.full((1, knowledge.size, knowledge.size), _GREY, dtype=np.float32)
    image, best = grey, math.inf
    history: list[tuple[float, float]] = []
    shown_at = -_FRAME_SECONDS
    for stage, guess, misfit in _solved(observation, knowledge, clock):
        if guess is not None:
            history.append((clock.elapsed, misfit))
            if misfit < best:
                image, best = picture(guess.view(1, 1, *grey.shape[1:])), misfit
        if clock.elapsed - shown_at >= _FRAME_SECONDS:
            shown_at = clock.elapsed
            yield _frame(clock, stage, image, misfit)
    yield _frame(clock, "done", image, best)
    return Reconstruction(
        images=image,
        labels=None if observation.loss == "segmentation" else np.array([infer_label(observation)]),
        objective=best,
        objective_history=np.array(history).reshape(-1, 2),
        seconds=clock.elapsed,
    )


def _frame(clock: Clock, stage: str, image: np.ndarray, misfit: float) -> Reconstructing:
    return Reconstructing(
        seconds=clock.elapsed, budget=clock.budget, stage=stage, objective=misfit, image=image
    )


def _solved(
    observation: Observation, knowledge: Knowledge, clock: Clock
) -> Iterator[tuple[str, Tensor | None, float]]:
    """Stage, guess of the image once the first layer is reached, misfit."""
    links = chain(observation, knowledge)
    slope = links[-1].seen["bias"].reshape(links[-1].gives)
    value = torch.zeros(links[-1].gives, dtype=torch.float64)
    for number, link in reversed(list(enumerate(links))):
        stage = f"solving layer {number + 1} of {len(links)}"
        if isinstance(link.layer, nn.Conv2d):
            left = sum(isinstance(other.layer, nn.Conv2d) for other in links[: number + 1])
            steps = _convolution(link, link.layer, value, slope, clock.part(1 / left))
            while True:
                try:
                    guess, misfit = next(steps)
                    yield stage, guess if not number else None, misfit
                except StopIteration as end:
                    guess, misfit = end.value
                    break
        elif isinstance(link.layer, nn.Linear):
            guess, misfit = _linear(link, slope)
        else:
            guess, misfit = unbent(link.layer, value.reshape(link.gives)).reshape(link.takes), 0.0
        slope = backed(link, guess, slope)
        value = guess
    yield "reading the image", value, misfit


def _linear(link: Link, slope: Tensor) -> tuple[Tensor, float]:
    """A linear layer's input stands in its gradient: slope times input."""
    weight, along = link.seen["weight"], slope.flatten()
    squares = float(along @ along)
    read = (along @ weight) / squares if squares else torch.zeros_like(weight[0])
    gap = float(((weight - torch.outer(along, read)) ** 2).sum())
    return read.reshape(link.takes), gap / max(float((weight**2).sum()), 1e-300)


def _convolution(
    link: Link, layer: nn.Conv2d, value: Tensor, slope: Tensor, clock: Clock
) -> Solving:
    """Conjugate gradients on the normal equations (CGLS, Bjorck 1996, algorithm 7.4.1).

    Written out, because the attack must be able to stop between two steps.
    """
    padding = layer.padding
    assert not isinstance(padding, str)  # chain() lets none pass
    settings = (layer.stride, padding, layer.dilation, layer.groups)
    weight = layer.weight.detach()
    bias = 0.0 if layer.bias is None else layer.bias.detach().view(1, -1, 1, 1)
    output, seen = value - bias, link.seen["weight"]
    # Both sides are known to the same number of digits, whatever their size.
    by_output, by_slope = 1 / _size(output), 1 / _size(seen)

    def forwards(x: Tensor) -> tuple[Tensor, Tensor]:
        through = layer(x) - bias
        along = conv2d_weight(x, weight.shape, slope, *settings)
        return by_output * through, by_slope * along

    def backwards(through: Tensor, along: Tensor) -> Tensor:
        back = conv2d_input(link.takes, weight, through, *settings)
        return by_output * back + by_slope * conv2d_input(link.takes, along, slope, *settings)

    found = torch.zeros(link.takes, dtype=torch.float64)
    rest = by_output * output, by_slope * seen
    whole = _energy(rest)
    direction = downhill = backwards(*rest)
    steepness = first = float((downhill**2).sum())
    while steepness > _CONVERGED * first and not clock.over:
        ahead = forwards(direction)
        step = steepness / _energy(ahead)
        found = found + step * direction
        rest = rest[0] - step * ahead[0], rest[1] - step * ahead[1]
        downhill = backwards(*rest)
        before, steepness = steepness, float((downhill**2).sum())
        direction = downhill + steepness / before * direction
        yield found, _energy(rest) / whole
    return found, _energy(rest) / max(whole, 1e-300)


def _size(values: Tensor) -> float:
    return max(float((values**2).sum()) ** 0.5, 1e-30)


def _energy(parts: tuple[Tensor, Tensor]) -> float:
    return float((parts[0] ** 2).sum() + (parts[1] ** 2).sum())
