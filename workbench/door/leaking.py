"""What gradients give away before anybody attacks them, in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from workbench.attacks.bounds.bounds import prior_variance
from workbench.attacks.bounds.cramer_rao import leakage as reckoned
from workbench.attacks.case import make_case
from workbench.attacks.config import AttackConfig
from workbench.door.attacks import config_of
from workbench.errors import BadInput
from workbench.figures.leakage import draw_leakage, leakage_numbers
from workbench.imaging.load import load
from workbench.panels.parts.live_figure import LiveFigure

NOISES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def leakage(
    cases: Mapping[str, Mapping[str, Any]],
    *,
    noise_multipliers: Sequence[float] = NOISES,
    seconds: float = 6.0,
    **common: Any,
) -> LiveFigure:
    """Draw how exactly an attacker without a prior could bring a slice back, network by network.

    It is reckoned from the derivative of the gradient at the true slice, so it says what the
    gradient holds, not what some attack finds (Bayesian Cramer-Rao estimate; see
    ``workbench.attacks.bounds.cramer_rao``). An attacker who knows what slices look like may do
    better.

    Args:
        cases: fields of ``AttackConfig`` under a name for each: network, activation,
            normalisation, a finished training, a batch.
        noise_multipliers: where to reckon, > 0.
        seconds: that each case may take.
        common: fields that all cases share.

    Raises:
        BadInput: a case cannot be made, or a noise multiplier is not above 0.
    """
    if not cases:
        raise BadInput("Give at least one case to reckon.", field="cases")
    configs = {name: config_of(name, common | dict(case)) for name, case in cases.items()}
    curves = {name: _curve(config, noise_multipliers, seconds) for name, config in configs.items()}
    figure = draw_leakage(leakage_numbers(noise_multipliers, curves))
    return LiveFigure(figure, name=f"What the gradients of {', '.join(cases)} hold")


def _curve(config: AttackConfig, noise: Sequence[float], seconds: float) -> list[float]:
    case = make_case(config, load(config.image, size=config.size))
    found: list[float] = reckoned(
        case.network,
        case.task,
        torch.from_numpy(case.slices.images[case.chosen]),
        case.targets,
        noise_multipliers=noise,
        prior_variance=prior_variance(case),
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        seconds=seconds,
    ).tolist()
    return found
