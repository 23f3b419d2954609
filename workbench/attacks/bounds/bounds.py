"""All bounds of one attack."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import replace

import numpy as np
import torch

from workbench.attacks.bounds.bound import Bound
from workbench.attacks.bounds.cramer_rao import cramer_rao, information
from workbench.attacks.bounds.linear_law import linear_law
from workbench.attacks.bounds.rero import identification
from workbench.attacks.case import Case
from workbench.attacks.config import AttackConfig
from workbench.attacks.observation import Observation, observe
from workbench.attacks.scoring.baselines import public_slices
from workbench.attacks.scoring.rank import gallery_size
from workbench.dpsgd.randomness import SeededStream
from workbench.runs.events import Progress

_SECONDS = 20.0
"""That the Cramer-Rao estimate may take; a U-Net at 64 x 64 needs five."""

_LEAST_VARIANCE = 1e-6


def bounds_of(
    config: AttackConfig, case: Case, seen: Observation
) -> Generator[Progress, None, Mapping[str, Bound]]:
    """What no attack of a kind can do better; reckoned on the patients' side.

    To be called once, on the first draw, after the attack: ``bounds = yield from bounds_of(config,
    case, seen)``, then ``report(..., bounds)``. Nothing is yielded where nothing takes long.

    Args:
        config: of the attack; without ``bounds`` the Cramer-Rao estimate is left out.
        case: slices and network, as the server handed it out.
        seen: the observation that was attacked.

    Yields:
        ``Progress`` of the Cramer-Rao estimate.

    Returns:
        ``"rero"``, ``"linear"`` and ``"crlb"``, the latter only where there is noise and ``config``
        asks for it.
    """
    releases = config.releases
    variance = prior_variance(case)
    bounds = {
        "rero": identification(
            config.noise_multiplier, releases, max(gallery_size(case.slices), 2)
        ),
        "linear": linear_law(
            config.noise_multiplier, case.truth, releases=releases, prior_variance=variance,
            clip_factor=clip_factor(config, case) if config.noise_multiplier else 1.0,
        ),
    }  # fmt: skip
    if config.bounds and config.noise_multiplier:
        told = _all_told(config, seen)
        images = torch.from_numpy(case.slices.images[case.chosen])
        found = yield from information(
            case.network, told, images, case.targets, seed=config.seed, seconds=_SECONDS
        )
        bounds["crlb"] = cramer_rao(found, told.noise, variance)
    return bounds


def prior_variance(case: Case) -> float:
    """Variance of a pixel about its mean over public slices, the mean over pixels; > 0."""
    public, _ = public_slices(case.slices, case.chosen)
    if len(public) < 2:
        return max(float(public.var()), _LEAST_VARIANCE)
    return max(float(public.var(axis=0, ddof=1, dtype=np.float64).mean()), _LEAST_VARIANCE)


def clip_factor(config: AttackConfig, case: Case) -> float:
    """What clipping multiplies the records' gradients by at the first weights, their mean."""
    factors = []
    for record in range(len(case.chosen)):
        one = slice(record, record + 1)
        plain = observe(
            case.network, case.task, torch.from_numpy(case.slices.images[case.chosen[one]]),
            case.targets[one], noise_multiplier=None, max_grad_norm=config.max_grad_norm,
            stream=SeededStream(config.seed, 0),
        )  # fmt: skip
        factors.append(min(1.0, config.max_grad_norm / max(plain.norm, 1e-30)))
    return float(np.mean(factors))


def _all_told(config: AttackConfig, seen: Observation) -> Observation:
    """The observation as somebody sees it who knows the mechanism, which an eavesdropper is not."""
    noise = (config.noise_multiplier or 0.0) * config.max_grad_norm
    noise /= seen.batch_size * math.sqrt(seen.local_steps)
    further = tuple(_all_told(config, other) for other in seen.further)
    return replace(seen, clipping=config.max_grad_norm, noise=noise, further=further)
