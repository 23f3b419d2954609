from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end, picture
from torch import Tensor

from workbench.attacks.methods.learned_prior import (
    COARSE,
    FINE,
    learned_prior,
    strength_at,
    weight_of,
)
from workbench.attacks.priors.denoiser import Denoiser, lessons
from workbench.attacks.search.clock import Clock
from workbench.errors import BadInput

pytestmark = pytest.mark.usefixtures("counted_time")


def pictures(count: int, size: int = 16, first: int = 100) -> Tensor:
    drawn = np.stack([picture(size, seed) for seed in range(first, first + count)])
    return torch.from_numpy(drawn)[:, None]


def taught(public: Tensor, steps: int) -> Denoiser:
    """After this many steps of a clock that is read twice in each."""
    *_, denoiser = lessons(public, clock=Clock(steps / 50), seed=3)
    return denoiser


def holding(case: Any, public: Tensor | None) -> Any:
    told = {"targets": torch.tensor([0]), "public": public}
    return case._replace(knowledge=replace(case.knowledge, **told))


def carry_out(case: Any, seconds: float, restarts: int = 1) -> Any:
    return end(
        learned_prior(case.observation, case.knowledge, seconds=seconds, restarts=restarts, seed=0)
    )


def test_the_denoiser_takes_noise_off_slices_it_has_not_seen() -> None:
    denoiser = taught(pictures(30), 150)
    clean = pictures(8, first=900)
    for strength, left in ((0.1, 0.8), (0.3, 0.5)):
        drawn = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
        noisy = clean + strength * drawn
        cleaned = denoiser(noisy, torch.full((8,), strength))
        assert ((cleaned - clean) ** 2).mean() < left * ((noisy - clean) ** 2).mean()


def test_what_was_learned_once_is_not_learned_again() -> None:
    public = pictures(12, first=300)
    first = taught(public, 10)
    assert len(list(lessons(public.clone(), clock=Clock(1000), seed=3))) == 1
    assert taught(public, 10) is first
    assert taught(pictures(12, first=301), 10) is not first


def test_learning_that_is_broken_off_is_not_kept() -> None:
    public = pictures(12, first=500)
    steps = lessons(public, clock=Clock(1000), seed=3)
    next(steps)
    del steps
    assert len(list(lessons(public, clock=Clock(0.1), seed=3))) > 1


def test_a_slice_comes_back_through_noise(seen: Callable[..., Any]) -> None:
    case = holding(seen("cnn", 16, noise_multiplier=1e-3), pictures(30))
    found = carry_out(case, 8)
    mean = pictures(30).mean(dim=0).numpy()
    assert ((found.images - case.truth) ** 2).mean() < 0.5 * ((mean - case.truth) ** 2).mean()
    assert found.labels.tolist() == [0]


def test_without_noise_the_prior_is_left_behind_in_the_end(seen: Callable[..., Any]) -> None:
    case = holding(seen("cnn", 16), pictures(30))
    found = carry_out(case, 12)
    assert ((found.images - case.truth) ** 2).mean() < 1e-3


def test_every_attempt_is_shown_and_stays_in_range(seen: Callable[..., Any]) -> None:
    case = holding(seen("cnn", 16, noise_multiplier=1.0), pictures(12))
    steps = learned_prior(case.observation, case.knowledge, seconds=3, restarts=2, seed=0)
    frames = list(steps)
    assert {frame.restart for frame in frames} == {0, 1}
    assert frames[0].stage == "learning what slices look like"
    for frame in frames:
        assert frame.image.shape == (1, 16, 16)
        assert frame.image.min() >= 0
        assert frame.image.max() <= 1


def test_the_strength_falls_and_then_stays() -> None:
    strengths = [strength_at(share) for share in np.linspace(0, 1, 11)]
    assert strengths[0] == COARSE
    assert strengths[-1] == pytest.approx(FINE)
    assert strengths == sorted(strengths, reverse=True)


def test_the_prior_weighs_as_the_noise_does(seen: Callable[..., Any]) -> None:
    observation = seen("cnn", 16, noise_multiplier=0.5).observation
    twice = replace(observation, noise=2 * observation.noise)
    assert weight_of(twice, 1.0) == pytest.approx(4 * weight_of(observation, 1.0))
    assert weight_of(observation, 1.0) == pytest.approx(2 * 0.5**2)
    assert 0 < weight_of(replace(observation, noise=0.0), 1.0) < 1e-6


def test_nobody_to_learn_from_is_refused(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    with pytest.raises(BadInput, match="there are none"):
        carry_out(holding(case, None), 1)
    with pytest.raises(BadInput, match="resize them"):
        carry_out(holding(case, pictures(3, size=8)), 1)
