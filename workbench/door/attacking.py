"""Observe, attack and compare in a line each, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from IPython.display import Image
from torch import Tensor, nn

from workbench.attacks.case import make_case
from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation
from workbench.attacks.observation import observe as share
from workbench.attacks.own import given_gradient, own_gradient, own_slices
from workbench.attacks.report import best_guess
from workbench.attacks.run import knowledge_of
from workbench.attacks.scoring.baselines import baselines
from workbench.attacks.scoring.score import assign, mean_score
from workbench.door.training import TrainedRun
from workbench.dpsgd.randomness import SecureStream
from workbench.errors import BadInput, check_choice, check_range
from workbench.figures.reconstruction import (
    ReconstructionNumbers,
    decibel,
    draw_reconstruction,
)
from workbench.figures.theme import png
from workbench.imaging.sliceset import SliceSet
from workbench.models.losses import Loss


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a curious server holds: a gradient, and what it knows besides."""

    observation: Observation
    knowledge: Knowledge


def observe(
    network: str | TrainedRun,
    slices: SliceSet,
    *,
    index: int = 0,
    batch: int = 1,
    noise_multiplier: float | None = None,
    max_grad_norm: float = 1.0,
    seed: int = 0,
) -> Seen:
    """What a server sees when a gradient of these slices is shared, made as in training.

    Args:
        network: name of an untrained network, or a finished training.
        slices: a set with square slices; masks or labels are known to the attacker, a set
            without gets a mask of its bright pixels.
        index: first slice behind the gradient.
        batch: how many, from there on.
        noise_multiplier: ``None`` shares the gradient as it is, 0 clips it, above 0 adds noise
            drawn from the operating system's entropy.
        max_grad_norm: what each record's gradient is clipped to.
        seed: of the untrained network's weights.

    Raises:
        BadInput: slices and network do not fit together.
    """
    config = AttackConfig(
        image=slices.name,
        index=index,
        batch=batch,
        size=slices.width,
        model=network if isinstance(network, str) else network.model,
        trained=None if isinstance(network, str) else network.id,
        seed=seed,
    )
    case = make_case(config, slices)
    observation = share(
        case.network,
        case.task,
        torch.from_numpy(slices.images[case.chosen]),
        case.targets,
        noise_multiplier=noise_multiplier,
        max_grad_norm=max_grad_norm,
        stream=SecureStream(),
    )
    return Seen(observation=observation, knowledge=knowledge_of(config, case))


@overload
def attack(
    what: Seen, *, method: str = ..., seconds: float = ..., restarts: int = ..., seed: int = ...
) -> Reconstruction: ...


@overload
def attack(
    what: nn.Module,
    loss: Loss,
    batch: tuple[Tensor, Tensor] | None = None,
    *,
    gradients: Sequence[Tensor] | None = ...,
    targets: Tensor | None = ...,
    size: int | None = ...,
    noise_multiplier: float | None = ...,
    max_grad_norm: float = ...,
    method: str = ...,
    seconds: float = ...,
    restarts: int = ...,
    seed: int = ...,
) -> Reconstruction: ...


def attack(
    what: Seen | nn.Module,
    loss: Loss | None = None,
    batch: tuple[Tensor, Tensor] | None = None,
    *,
    gradients: Sequence[Tensor] | None = None,
    targets: Tensor | None = None,
    size: int | None = None,
    noise_multiplier: float | None = None,
    max_grad_norm: float = 1.0,
    method: str = "two-stage",
    seconds: float = 15.0,
    restarts: int = 1,
    seed: int = 0,
) -> Reconstruction:
    """Bring slices back out of a gradient; the attack never sees them.

    Args:
        what: what a server holds (from :func:`observe`), or a network of your own, at the weights
            that are attacked.
        loss: with a network of your own: from outputs and targets of one record to a scalar.
        batch: with it: images float ``(B, 1, H, H)`` in [0, 1], and their targets ``(B, ...)``.
        gradients: instead of a batch: a gradient of the mean loss that you have seen, one tensor
            for each trained parameter; ``targets`` and ``size`` then say what is behind it.
        targets: of the records behind ``gradients``.
        size: side of the slices behind ``gradients``, in pixels.
        noise_multiplier: of a batch of your own: ``None`` shares the gradient as it is, 0 clips
            it, above 0 adds noise.
        max_grad_norm: what each record's gradient is then clipped to.
        method: a name in ``attacks.catalogue``.
        seconds: that it may take, > 0.
        restarts: attempts; the one chosen fits the gradient best.
        seed: of the starting images.

    Raises:
        BadInput: there is no such method, it cannot attack this network, or network, loss and
            slices do not fit together.
    """
    check_choice("method", method, tuple(METHODS))
    check_range("seconds", seconds, "(0, inf)")
    if isinstance(what, nn.Module):
        seen = _own(what, loss, batch, gradients, targets, size, noise_multiplier, max_grad_norm)
    else:
        seen = what
    steps = METHODS[method].load()(
        seen.observation, seen.knowledge, seconds=seconds, restarts=restarts, seed=seed
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Reconstruction = end.value
            return found


def _own(
    model: nn.Module,
    loss: Loss | None,
    batch: tuple[Tensor, Tensor] | None,
    gradients: Sequence[Tensor] | None,
    targets: Tensor | None,
    size: int | None,
    noise_multiplier: float | None,
    max_grad_norm: float,
) -> Seen:
    if loss is None:
        raise BadInput("Give the loss that the network is trained with.", field="loss")
    if batch is not None:
        observed = own_gradient(
            model, loss, *batch, noise_multiplier=noise_multiplier, max_grad_norm=max_grad_norm
        )
    elif gradients is not None and targets is not None and size is not None:
        observed = given_gradient(model, loss, gradients, targets, size=size)
    else:
        raise BadInput(
            "Give a batch (images, targets), or gradients with the targets and the size of the "
            "slices behind them.",
            field="batch",
        )
    return Seen(observation=observed[0], knowledge=observed[1])


def compare(slices: SliceSet | Tensor, found: Reconstruction, *, index: int = 0) -> Image:
    """Truth, reconstruction and error side by side, with scores and the best blind guess.

    Args:
        slices: the set that was attacked, or the images ``(B, 1, H, H)`` themselves.
        found: what the attack ended with.
        index: first slice behind the gradient.
    """
    chosen = np.arange(index, index + len(found.images))
    if isinstance(slices, Tensor):
        slices = own_slices(slices)
    truth = slices.images[chosen, 0]
    images = found.images[assign(truth, found.images)]
    each = [mean_score(truth[i : i + 1], images[i : i + 1]) for i in range(len(truth))]
    guess = best_guess(baselines(slices, chosen))
    numbers = ReconstructionNumbers(
        truth=truth,
        reconstruction=images,
        error=np.abs(truth - images),
        captions=tuple(f"{decibel(one.psnr)}, SSIM {one.ssim:.2f}" for one in each),
        title=f"{slices.name}, {found.seconds:.2g} s",
        footer=f"without the gradient ({guess.name}): {decibel(guess.score.psnr)}",
    )
    return Image(data=png(draw_reconstruction(numbers), dpi=100))
