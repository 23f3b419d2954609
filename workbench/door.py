"""Train, observe, attack and compare in a line each, for notebooks and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from IPython.display import Image

from workbench.accounting.guarantee import Guarantee
from workbench.attacks.case import make_case
from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation
from workbench.attacks.observation import observe as share
from workbench.attacks.report import best_guess
from workbench.attacks.run import knowledge_of
from workbench.attacks.scoring.baselines import baselines
from workbench.attacks.scoring.score import assign, mean_score
from workbench.dpsgd.randomness import SecureStream
from workbench.errors import BadInput
from workbench.figures.reconstruction import (
    ReconstructionNumbers,
    decibel,
    draw_reconstruction,
)
from workbench.figures.theme import png
from workbench.imaging.keeping import keep
from workbench.imaging.sliceset import SliceSet
from workbench.models.weights import put_weights, trained_run
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.runs.work import outcome
from workbench.training.config import train_config


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A finished training.

    Attributes:
        id: its name in the store; ``workbench runs show`` takes it.
        model: name of the network.
        scores: on the validation patients: Dice, or AUROC, balanced accuracy and MCC.
        guarantee: what was promised to whom.
    """

    id: str
    model: str
    scores: dict[str, float]
    guarantee: Guarantee


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a curious server holds: a gradient, and what it knows besides."""

    observation: Observation
    knowledge: Knowledge


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
    names = ("dice", "auroc", "balanced_accuracy", "mcc")
    return TrainedRun(
        id=run,
        model=config.model,
        scores={name: result[name] for name in names if name in result},
        guarantee=config_from_json(Guarantee, record.guarantee),
    )


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
        seed=seed,
    )
    case = make_case(config, slices)
    if isinstance(network, TrainedRun):
        _put_weights(case.network, network)
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


def attack(
    seen: Seen, *, method: str = "two-stage", seconds: float = 15.0, restarts: int = 1,
    seed: int = 0,
) -> Reconstruction:  # fmt: skip
    """Bring the slices back out of a gradient; the attack never sees them.

    Args:
        seen: what the server holds.
        method: ``"two-stage"`` or ``"analytic"``.
        seconds: that it may take.
        restarts: attempts; the one chosen fits the gradient best.
        seed: of the starting images.

    Raises:
        BadInput: there is no such method, or it cannot attack this network.
    """
    if method not in METHODS:
        raise BadInput(f"There is no attack {method!r}; choose {', '.join(METHODS)}.")
    steps = METHODS[method].load()(
        seen.observation, seen.knowledge, seconds=seconds, restarts=restarts, seed=seed
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Reconstruction = end.value
            return found


def compare(slices: SliceSet, found: Reconstruction, *, index: int = 0) -> Image:
    """Truth, reconstruction and error side by side, with scores and the best blind guess.

    Args:
        slices: the set that was attacked.
        found: what the attack ended with.
        index: first slice behind the gradient.
    """
    chosen = np.arange(index, index + len(found.images))
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


def _put_weights(network: torch.nn.Module, run: TrainedRun) -> None:
    put_weights(network, trained_run(run.id)[1], run.id)
