"""The attack for noise: total variation as strong as values say that it has not seen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end
from torch import nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.noisy import HELD_OUT, HeldOut, noisy
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.errors import BadInput

pytestmark = pytest.mark.usefixtures("counted_time")


def carry_out(case: Any, seconds: float, *, restarts: int = 1, seed: int = 0) -> Any:
    return end(
        noisy(case.observation, case.knowledge, seconds=seconds, restarts=restarts, seed=seed)
    )


def stages(case: Any, seconds: float) -> list[str]:
    frames = noisy(case.observation, case.knowledge, seconds=seconds, restarts=1, seed=0)
    return list(dict.fromkeys(frame.stage for frame in frames))


def halves_of(case: Any, seed: int = 0) -> HeldOut:
    matcher = GradientMatcher(case.knowledge.network, case.observation, torch.tensor([0]))
    return HeldOut(matcher, case.observation, seed)


def candidate(picture: np.ndarray) -> Candidate:
    return Candidate(torch.from_numpy(picture).double()[:, None])


def test_a_little_noise_leaves_the_slice_recognisable(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16, noise_multiplier=1e-3)
    flat = np.full_like(case.truth, case.truth.mean())
    found = mean_score(case.truth, carry_out(case, 10).images)
    assert found.psnr > mean_score(case.truth, flat).psnr + 8


def test_several_strengths_are_tried_and_shown(seen: Callable[..., Any]) -> None:
    shown = stages(seen("cnn", 16, noise_multiplier=1e-3), 10)
    for strength in ("1", "2", "0.5"):
        assert f"trying total variation of strength {strength}" in shown
    assert sum(stage.startswith("refining") for stage in shown) == 1


def test_without_noise_nothing_is_held_out(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    assert not any(stage.startswith("trying") for stage in stages(case, 10))
    assert mean_score(case.truth, carry_out(case, 10).images).psnr > 35


def test_the_two_parts_are_a_tenth_and_the_rest_and_do_not_overlap(
    seen: Callable[..., Any],
) -> None:
    """Moving a held-out value changes the judgement alone, any other value the search alone."""
    case = seen("cnn", 16, noise_multiplier=1e-3)
    truth = candidate(case.truth)
    both = halves_of(case)
    name = max(case.observation.gradients, key=lambda n: case.observation.gradients[n].numel())
    apart, size = 0, 40
    for value in range(size):
        moved = dict(case.observation.gradients)
        moved[name] = moved[name].clone()
        moved[name].view(-1)[value] += 1e-2
        other = HeldOut(both.matcher, replace(case.observation, gradients=moved), 0)
        judged = abs(other.judged_by(truth) - both.judged_by(truth)) > 1e-15
        searched = abs(float(other.searched_by(truth) - both.searched_by(truth))) > 1e-15
        assert judged != searched
        apart += judged
    assert 0 < apart < 4 * HELD_OUT * size


def test_held_out_values_know_the_truth_from_something_else(seen: Callable[..., Any]) -> None:
    """At the truth they hold the noise alone, whose size is known."""
    case = seen("cnn", 16, noise_multiplier=1e-2)
    both = halves_of(case)
    at_truth = both.judged_by(candidate(case.truth))
    assert at_truth == pytest.approx(case.observation.noise**2, rel=0.25)
    assert at_truth < both.judged_by(candidate(np.full_like(case.truth, case.truth.mean())))


def test_rounds_after_the_first_are_judged_by_too(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16, noise_multiplier=1e-2)
    twice = replace(case.observation, further=(case.observation,))
    both = halves_of(case._replace(observation=twice))
    assert both.judged_by(candidate(case.truth)) == pytest.approx(twice.noise**2, rel=0.25)


@pytest.mark.slow
def test_networks_with_kinks_are_searched_too(seen: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 256, 2),
    )  # fmt: skip
    case = seen(network=network, noise_multiplier=1e-3)
    flat = np.full_like(case.truth, case.truth.mean())
    found = mean_score(case.truth, carry_out(case, 10).images)
    assert found.psnr > mean_score(case.truth, flat).psnr + 5


def test_the_best_attempt_is_the_one_with_the_smallest_objective(
    seen: Callable[..., Any],
) -> None:
    case = seen("cnn", 16, noise_multiplier=1e-3)
    frames = noisy(case.observation, case.knowledge, seconds=8, restarts=2, seed=0)
    done = []
    while True:
        try:
            frame = next(frames)
        except StopIteration as stop:
            found = stop.value
            break
        if frame.stage == "done":
            done.append(frame)
    best = min(done, key=lambda frame: frame.objective)
    assert [frame.restart for frame in done] == [0, 1]
    assert found.objective == best.objective
    np.testing.assert_array_equal(found.images, best.image)


def test_unknown_masks_are_refused(seen: Callable[..., Any]) -> None:
    case = seen("mlp", 16, task="segmentation", noise_multiplier=1e-3)
    blind = Knowledge(network=case.knowledge.network, size=16)
    with pytest.raises(BadInput, match="must know the masks"):
        carry_out(case._replace(knowledge=blind), 1)
