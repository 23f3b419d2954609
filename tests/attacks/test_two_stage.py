import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import batch, end
from torch import nn

from workbench.attacks.defence import Defence
from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods import smooth as smooth_module
from workbench.attacks.methods import two_stage as two_stage_module
from workbench.attacks.methods.two_stage import two_stage
from workbench.attacks.observation import observe
from workbench.attacks.scoring.score import assign, mean_score
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess, Measured, lbfgs
from workbench.attacks.search.search import Search
from workbench.dpsgd.randomness import SeededStream

pytestmark = pytest.mark.usefixtures("counted_time")


def carry_out(seen: Any, seconds: float, *, restarts: int = 1, seed: int = 0) -> Any:
    return end(
        two_stage(seen.observation, seen.knowledge, seconds=seconds, restarts=restarts, seed=seed)
    )


def test_a_classifiers_gradient_gives_slice_and_label_away(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    found = carry_out(case, 15)
    assert mean_score(case.truth, found.images).psnr > 35
    assert found.labels.tolist() == [0]


def test_noise_stands_between_the_attack_and_the_slice(seen: Callable[..., Any]) -> None:
    errors = []
    for noise in (0.0, 1e-3, 1.0):
        case = seen("cnn", 16, noise_multiplier=noise)
        errors.append(float(((carry_out(case, 10).images - case.truth) ** 2).mean()))
    assert errors == sorted(errors)


def test_a_network_with_kinks_is_attacked_by_its_own_recipe(seen: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 256, 2),
    )  # fmt: skip
    case = seen(network=network)
    found = carry_out(case, 10)
    flat = np.full_like(case.truth, case.truth.mean())
    assert mean_score(case.truth, found.images).psnr > mean_score(case.truth, flat).psnr


def test_the_best_restart_is_the_one_with_the_smallest_objective(
    seen: Callable[..., Any],
) -> None:
    case = seen("cnn", 16)
    steps = two_stage(case.observation, case.knowledge, seconds=6, restarts=3, seed=0)
    ends: dict[int, Reconstructing] = {}
    try:
        while True:
            frame = next(steps)
            ends[frame.restart] = frame
    except StopIteration as stop:
        found = stop.value
    assert set(ends) == {0, 1, 2}
    best = min(ends.values(), key=lambda frame: frame.objective)
    assert found.objective == best.objective
    np.testing.assert_array_equal(found.images, best.image)


def test_undefined_numbers_fall_back_to_the_best_so_far(
    seen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(start: list[torch.Tensor], measure: object, clock: Clock, **rest: object) -> Any:
        yield Guess(Candidate(torch.full_like(start[0], float("nan"))), float("nan"))

    monkeypatch.setattr(smooth_module, "lbfgs", poisoned)
    found = carry_out(seen("cnn", 16), 1.0)
    assert np.isfinite(found.images).all()
    assert np.isfinite(found.objective)


def test_a_search_that_leaves_the_numbers_ends() -> None:
    def measure(candidate: Candidate) -> Measured:
        value = torch.log(candidate.images - 0.5).sum()
        return Measured(value, float(value.detach()))

    start = torch.full((1, 1, 2, 2), 0.6)
    guesses = list(lbfgs([start], measure, Clock(5), worthwhile=lambda objective: 0.0))
    assert all(np.isfinite(guess.objective) for guess in guesses)


@pytest.mark.parametrize(("reached", "attempts"), [(1e-2, 8), (1e-6, 1)])
def test_an_attempt_that_stalls_early_is_followed_by_others(
    reached: float, attempts: int, seen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stalled(search: Search, observation: Any, knowledge: Any, targets: Any, *rest: Any) -> Any:
        start, _ = rest
        while search.clock.share < 0.1 * len(begun) + 0.1:
            pass
        begun.append(start)
        yield from search.follow("stalling", iter([Guess(Candidate(start), reached)]))

    begun: list[torch.Tensor] = []
    monkeypatch.setattr(two_stage_module, "smooth", stalled)
    carry_out(seen("cnn", 16), 10)
    assert len(begun) == attempts
    for one, other in itertools.combinations(begun, 2):
        assert not torch.equal(one, other)


def shared_otherwise(case: Any, images: int = 1, **how: Any) -> Any:
    """The same network and slices, the gradient shared in another way."""
    records, targets = batch(case.knowledge.size, images, "classification")
    given = {"noise_multiplier": None, "max_grad_norm": 1.0, **how}
    network, stream = case.knowledge.network, SeededStream(0, 1)
    observation = observe(network, "classification", records, targets, stream=stream, **given)
    return case._replace(
        truth=records[:, 0].numpy(),
        observation=observation,
        knowledge=replace(case.knowledge, targets=targets),
    )


@pytest.mark.parametrize(
    ("how", "decibel"),
    [
        ({"local_steps": 4}, 30),
        ({"local_steps": 2, "noise_multiplier": 0.0, "max_grad_norm": 0.5}, 30),
        ({"noise_multiplier": 0.0, "max_grad_norm": 0.1, "mechanism_told": False}, 30),
        ({"rounds": 2}, 35),
        ({"defence": Defence("prune", 0.1)}, 20),
        ({"defence": Defence("quantise", 4)}, 20),
        ({"defence": Defence("sign")}, 16),
    ],
    ids=[
        "local steps",
        "clipped local steps",
        "clipped, untold",
        "two rounds",
        "pruned",
        "rounded",
        "signs",
    ],
)
def test_neither_local_steps_nor_cheap_defences_keep_the_slice(
    how: dict[str, Any], decibel: float, seen: Callable[..., Any]
) -> None:
    case = shared_otherwise(seen("cnn", 16), **how)
    found = carry_out(case, 10)
    assert mean_score(case.truth, found.images).psnr > decibel


def test_rounds_tell_more_of_a_batch_than_one_does(seen: Callable[..., Any]) -> None:
    errors = []
    for rounds in (1, 3):
        case = shared_otherwise(seen("cnn", 16), 3, rounds=rounds, local_rate=1.0)
        found = carry_out(case, 5)
        order = assign(case.truth, found.images)
        errors.append(float(((found.images[order] - case.truth) ** 2).mean()))
    assert errors[1] < errors[0]


def test_a_mask_that_is_not_told_is_looked_for(seen: Callable[..., Any]) -> None:
    case = seen("unet", 16)
    blind = Knowledge(network=case.knowledge.network, size=16)
    found = carry_out(case._replace(knowledge=blind), 3)
    assert found.masks is not None
    assert found.masks.shape == found.images.shape
