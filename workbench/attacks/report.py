"""An attack's numbers for people: what is known before it, and how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.attacks.bounds.bound import Bound
from workbench.attacks.case import Case
from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Reconstruction
from workbench.attacks.observation import Observation
from workbench.attacks.scoring.baselines import Baseline
from workbench.attacks.scoring.batch import Scored, scored
from workbench.attacks.scoring.oracle import Oracle
from workbench.attacks.scoring.rank import Gallery, gallery
from workbench.attacks.scoring.score import assign, mean_score
from workbench.attacks.scoring.spread import spread
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
        "epsilon_one_step": epsilon_of(config, 1),
        "releases": config.releases,
        "epsilon_releases": epsilon_of(config, config.releases),
        "delta": config.delta,
        "threat": str(threat(config, case.task)),
        "baselines": {baseline.name: baseline.summary() for baseline in blind},
    }
    values: dict[str, Any] = to_json(facts)
    return values


def epsilon_of(config: AttackConfig, releases: int) -> float:
    """What releasing so many such gradients costs each record, for add-or-remove neighbours.

    The noise of an attack comes from the config's seed so that it can be repeated; the epsilon is
    that of the same noise drawn secretly.
    """
    if config.noise_multiplier is None:
        return math.inf
    return gaussian_epsilon(config.noise_multiplier, releases, config.delta)


def report(
    config: AttackConfig,
    case: Case,
    blind: Sequence[Baseline],
    found: Sequence[Reconstruction],
    floor: Reconstruction | None,
    seen: Observation,
    oracle: Oracle,
    bounds: Mapping[str, Bound] | None = None,
) -> Finished:
    """Score a reconstruction beside its floor, its baselines and its bounds; means over a batch.

    Args:
        config: of the attack.
        case: slices and network.
        blind: guesses of somebody who has not seen the gradient.
        found: one for each draw of the noise; the first is shown, and scored in full.
        floor: of the same attack on pure noise; ``None`` where it was not made.
        seen: the first observation.
        oracle: what followed the frames.
        bounds: by name, from ``bounds_of``; ``None`` where none were reckoned.
    """
    among = gallery(case.slices, case.chosen)
    shown = scored(case.truth, case.shown_mask, among, found[0])
    noise = None if floor is None else scored(case.truth, case.shown_mask, among, floor)
    guess = best_guess(blind)
    result = {
        **shown.summary(),
        "per_slice": shown.per_slice(),
        "baseline": guess.name,
        "baseline_psnr": guess.score.psnr,
        "baseline_ssim": guess.score.ssim,
        "baselines": {baseline.name: baseline.summary() for baseline in blind},
        **_floor_scores(floor, noise),
        **_identified(among, shown, noise),
        **_draws(case, found, oracle),
        **_bounds(bounds or {}),
        **_circumstances(config, case),
        "gradient_norm": seen.norm,
        "labels": shown.labels,
        "objective": found[0].objective,
        "seconds": found[0].seconds,
    }
    arrays = _arrays(case, shown, noise) | {
        "baseline": guess.picture,
        "history": found[0].objective_history,
        "oracle": oracle.curve,
    }
    return Finished(result=to_json(result), arrays=arrays)


def best_guess(blind: Sequence[Baseline]) -> Baseline:
    """The blind guess that comes closest: what a reconstruction has to beat."""
    return max(blind, key=lambda baseline: baseline.score.psnr)


def _floor_scores(floor: Reconstruction | None, noise: Scored | None) -> dict[str, float | None]:
    names = ("psnr", "ssim", "psnr_affine", "psnr_body")
    return {
        **{f"floor_{name}": None if noise is None else noise.mean(name) for name in names},
        "floor_seconds": None if floor is None else floor.seconds,
    }


def _identified(among: Gallery, shown: Scored, noise: Scored | None) -> dict[str, Any]:
    return {
        "rank": shown.rank,
        "rank_of": len(among.pictures),
        "rank_among": among.made_of,
        "floor_rank": None if noise is None else noise.rank,
    }


def _draws(case: Case, found: Sequence[Reconstruction], oracle: Oracle) -> dict[str, Any]:
    """PSNR of each draw of the noise, and of the best picture that was ever shown."""
    each = [
        mean_score(case.truth, one.images[assign(case.truth, one.images)]).psnr for one in found
    ]
    best = oracle.best_psnr
    return {
        "psnr_draws": each,
        "psnr_spread": spread(each),
        # An attack may end on a picture better than any that was shown on the way.
        "oracle_psnr": max(each) if best is None else max(best, *each),
    }


def _bounds(bounds: Mapping[str, Bound]) -> dict[str, Any]:
    return {
        **{
            f"bound_{name}": bounds[name].number if name in bounds else None
            for name in ("rero", "linear", "crlb")
        },
        "bounds": {name: bound.summary() for name, bound in bounds.items()},
    }


def _circumstances(config: AttackConfig, case: Case) -> dict[str, Any]:
    return {
        "epsilon_one_step": epsilon_of(config, 1),
        "releases": config.releases,
        "epsilon_releases": epsilon_of(config, config.releases),
        "delta": config.delta,
        "noise_multiplier": config.noise_multiplier,
        "max_grad_norm": None if config.noise_multiplier is None else config.max_grad_norm,
        "restarts": config.restarts,
        "chosen_by": CHOSEN_BY,
        "model": config.model,
        "attack": config.attack,
        "task": case.task,
        "mask": case.mask,
        "parameters": sum(p.numel() for p in case.network.parameters() if p.requires_grad),
        "pixels": int(case.truth.size),
        "threat": str(threat(config, case.task)),
    }


def _arrays(case: Case, shown: Scored, noise: Scored | None) -> dict[str, np.ndarray]:
    arrays = {"truth": case.truth, "reconstruction": shown.images, "mask": case.shown_mask}
    if shown.masks is not None:
        arrays["recovered_mask"] = shown.masks
    if noise is not None:
        arrays["floor"] = noise.images
    return arrays
