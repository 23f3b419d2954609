"""Searches that begin at public slices, and how they weigh the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import batch, end
from torch import nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods import smooth as smooth_module
from workbench.attacks.methods.smooth import pyramid, sum_of_levels
from workbench.attacks.methods.two_stage import two_stage
from workbench.attacks.methods.uneven import curvatures, rescaled, steps
from workbench.attacks.observation import observe
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.dpsgd.randomness import SeededStream


def with_public(case: Any) -> Any:
    """The attacker holds three other pictures of the same label."""
    others = batch(16, 4, "classification")[0][1:]
    held = replace(case.knowledge, public=others, public_targets=torch.zeros(3).long())
    return case._replace(knowledge=held)


def attacked(case: Any, seconds: float) -> Any:
    return end(two_stage(case.observation, case.knowledge, seconds=seconds, restarts=1, seed=0))


def test_curvatures_are_the_squared_columns_of_the_jacobian(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 8)
    matcher = GradientMatcher(case.knowledge.network, case.observation, torch.tensor([0]))
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(3)).double()

    def shared(image: torch.Tensor) -> torch.Tensor:
        return torch.cat([part.flatten() for part in matcher.shared(Candidate(image))])

    columns = []
    for pixel in range(64):
        moved = torch.zeros(64).double()
        moved[pixel] = 1e-5
        there, back = (shared(image + sign * moved.view_as(image)) for sign in (1, -1))
        columns.append(float((((there - back) / 2e-5) ** 2).sum()))
    found = curvatures(matcher, image, probes=600).flatten()
    assert found.min() >= 0
    torch.testing.assert_close(found, torch.tensor(columns).double(), rtol=0.35, atol=0)
    assert float(found.sum()) == pytest.approx(sum(columns), rel=0.1)


def test_pixels_that_less_is_told_of_go_further() -> None:
    found = steps(torch.tensor([1e-4, 1e-2, 1.0, 100.0]))
    assert (found.diff() < 0).all()
    torch.testing.assert_close(steps(torch.full((5,), 7.0)), torch.ones(5))


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_where_nothing_is_told_all_pixels_go_alike(value: float) -> None:
    torch.testing.assert_close(steps(torch.full((4,), value)), torch.ones(4))


def test_a_rescaled_search_begins_at_its_origin() -> None:
    origin, scale = torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8) + 0.1
    render = rescaled(origin, scale, sum_of_levels)
    assert torch.equal(render(pyramid(torch.zeros_like(origin))).images, origin)
    moved = render(pyramid(torch.ones_like(origin))).images
    torch.testing.assert_close(moved, origin + scale)


def test_from_public_slices_no_signed_step_is_taken(
    seen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, counted_time: None
) -> None:
    def forbidden(*given: object, **named: object) -> None:
        raise AssertionError("signed Adam spoils a start that is near")

    monkeypatch.setattr(smooth_module, "adam", forbidden)
    case = with_public(seen("cnn", 16))
    found = attacked(case, 5)
    start = case.knowledge.public.mean(dim=0).numpy()
    assert mean_score(case.truth, found.images).psnr > mean_score(case.truth, start).psnr + 15


def test_a_gradient_shortened_behind_the_attackers_back_comes_back_too(
    seen: Callable[..., Any], counted_time: None
) -> None:
    case = with_public(seen("cnn", 16))
    records, labels = batch(16, 1, "classification")
    shortened = observe(
        case.knowledge.network, "classification", records, labels, noise_multiplier=0.0,
        max_grad_norm=0.1, stream=SeededStream(0, 1), mechanism_told=False,
    )  # fmt: skip
    assert shortened.norm == pytest.approx(0.1, rel=1e-4)
    found = attacked(case._replace(observation=shortened), 10)
    start = case.knowledge.public.mean(dim=0).numpy()
    assert mean_score(case.truth, found.images).psnr > mean_score(case.truth, start).psnr + 8


def test_an_organ_that_saturates_far_away_is_found_sooner_by_even_steps() -> None:
    """Of a column far from the organ a gradient tells little; its steps are longer."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ELU(), nn.Conv2d(4, 1, 1))
    images = torch.rand(1, 1, 16, 16)
    masks = torch.zeros(1, 1, 16, 16, dtype=torch.long)
    masks[..., :4] = 1
    images[..., 8:] = 0
    with torch.no_grad():
        network[2].bias.fill_(-12)
    seen = observe(
        network, "segmentation", images, masks, noise_multiplier=None, max_grad_norm=1.0,
        stream=SeededStream(0, 1),
    )  # fmt: skip
    knowledge = Knowledge(network=network, size=16, targets=masks)
    matcher = GradientMatcher(knowledge.network, seen, masks)
    found = steps(curvatures(matcher, images))[0, 0].numpy()
    assert np.median(found[:, 10:]) > 3 * np.median(found[:, :4])
