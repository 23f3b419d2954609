"""An attack's numbers for people: what is known before it, and how it went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.attacks.case import Case
from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Reconstruction
from workbench.attacks.scoring.baselines import Baseline
from workbench.attacks.scoring.score import Score, assign, mean_score, score
from workbench.attacks.threat import threat
from workbench.runs.events import Finished, to_json

CHOSEN_BY = "the objective that the attacker sees, never the truth"


def starting_facts(
    config: AttackConfig, case: Case, blind: Sequence[Baseline], gradient_norm: float
) -> dict[str, Any]:
    """What is known before the attack begins, as JSON values.

    Args:
        config: of the attack.
        case: slices and network.
        blind: guesses of somebody who has not seen the gradient.
        gradient_norm: L2 norm of the gradient as it was shared.
    """
    window = case.slices.window
    facts = {
        "data": case.slices.name,
        "provenance": case.slices.provenance,
        "window": None if window is None else [window.low, window.high],
        "task": case.task,
        "model": config.model,
        "surgery": list(case.surgery),
        "parameters": sum(p.numel() for p in case.network.parameters() if p.requires_grad),
        "pixels": int(case.truth.size),
        "mask": case.mask,
        "gradient_norm": gradient_norm,
        "epsilon_one_step": epsilon_one_step(config),
        "delta": config.delta,
        "threat": str(threat(config, case.task)),
        "baselines": {baseline.name: baseline.summary() for baseline in blind},
    }
    values: dict[str, Any] = to_json(facts)
    return values


def epsilon_one_step(config: AttackConfig) -> float:
    """What releasing this one gradient costs each record, for add-or-remove neighbours.

    The noise of an attack comes from the config's seed so that it can be repeated; the epsilon is
    that of the same noise drawn secretly.
    """
    if config.noise_multiplier is None:
        return math.inf
    return gaussian_epsilon(config.noise_multiplier, 1, config.delta)


def report(
    config: AttackConfig,
    case: Case,
    blind: Sequence[Baseline],
    found: Reconstruction,
    floor: Reconstruction | None,
) -> Finished:
    """Score a reconstruction beside its floor and its baselines; means over a batch."""
    order = assign(case.truth, found.images)
    images = found.images[order]
    guess = best_guess(blind)
    result = {
        **_scores(mean_score(case.truth, images)),
        "per_slice": [
            _scores(score(truth, image)) for truth, image in zip(case.truth, images, strict=True)
        ],
        "baseline": guess.name,
        "baseline_psnr": guess.score.psnr,
        "baseline_ssim": guess.score.ssim,
        "baselines": {baseline.name: baseline.summary() for baseline in blind},
        **_floor_scores(case, floor),
        "epsilon_one_step": epsilon_one_step(config),
        "delta": config.delta,
        "noise_multiplier": config.noise_multiplier,
        "max_grad_norm": None if config.noise_multiplier is None else config.max_grad_norm,
        "seconds": found.seconds,
        "restarts": config.restarts,
        "chosen_by": CHOSEN_BY,
        "objective": found.objective,
        "model": config.model,
        "attack": config.attack,
        "task": case.task,
        "mask": case.mask,
        "labels": None if found.labels is None else found.labels[order].tolist(),
        "parameters": sum(p.numel() for p in case.network.parameters() if p.requires_grad),
        "pixels": int(case.truth.size),
        "threat": str(threat(config, case.task)),
    }
    return Finished(result=to_json(result), arrays=_arrays(case, images, guess, found, floor))


def best_guess(blind: Sequence[Baseline]) -> Baseline:
    """The blind guess that comes closest: what a reconstruction has to beat."""
    return max(blind, key=lambda baseline: baseline.score.psnr)


def _scores(one: Score) -> dict[str, float]:
    return {
        "psnr": one.psnr, "ssim": one.ssim, "ncc": one.ncc, "mse": one.mse,
        "psnr_body": one.psnr_body,
    }  # fmt: skip


def _floor_scores(case: Case, floor: Reconstruction | None) -> dict[str, float | None]:
    if floor is None:
        return {"floor_psnr": None, "floor_ssim": None, "floor_seconds": None}
    images = floor.images[assign(case.truth, floor.images)]
    scored = mean_score(case.truth, images)
    return {
        "floor_psnr": scored.psnr,
        "floor_ssim": scored.ssim,
        "floor_seconds": floor.seconds,
    }


def _arrays(
    case: Case,
    images: np.ndarray,
    guess: Baseline,
    found: Reconstruction,
    floor: Reconstruction | None,
) -> dict[str, np.ndarray]:
    arrays = {
        "truth": case.truth,
        "reconstruction": images,
        "baseline": guess.picture,
        "mask": case.shown_mask,
        "history": found.objective_history,
    }
    if floor is not None:
        arrays["floor"] = floor.images[assign(case.truth, floor.images)]
    return arrays
