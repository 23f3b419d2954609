"""The published recipes do what their papers say, on what our matcher computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end
from torch import nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.joint import dlg
from workbench.attacks.methods.plain import plain_lbfgs, stepped_adam
from workbench.attacks.methods.published import (
    idlg,
    inverting_gradients,
    lbfgs_distance,
    outlined,
)
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Measured
from workbench.errors import BadInput

pytestmark = pytest.mark.usefixtures("counted_time")

ALL = (inverting_gradients, dlg, idlg, lbfgs_distance)


def carry_out(attack: Any, case: Any, seconds: float, **rest: Any) -> Any:
    settings = {"restarts": 1, "seed": 0, **rest}
    return end(attack(case.observation, case.knowledge, seconds=seconds, **settings))


def psnr(case: Any, found: Any) -> float:
    return mean_score(case.truth, found.images).psnr


def flat(case: Any) -> float:
    """Of the best flat image: what no search should be below."""
    means = case.truth.mean(axis=(1, 2), keepdims=True)
    return mean_score(case.truth, np.broadcast_to(means, case.truth.shape)).psnr


def test_cosine_and_signs_bring_a_slice_back_in_part(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    assert psnr(case, carry_out(inverting_gradients, case, 10)) > flat(case) + 3


@pytest.mark.parametrize("attack", [dlg, idlg, lbfgs_distance])
def test_squares_and_lbfgs_bring_a_classifiers_slice_back(
    attack: Any, seen: Callable[..., Any]
) -> None:
    case = seen("cnn", 16)
    found = carry_out(attack, case, 20)
    assert psnr(case, found) > flat(case) + 10
    assert found.labels.tolist() == [0]


def test_deep_leakage_does_not_look_at_the_labels_it_is_told(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    wrong = Knowledge(network=case.knowledge.network, size=16, targets=torch.tensor([1]))
    found = carry_out(dlg, case._replace(knowledge=wrong), 20)
    blind = carry_out(dlg, case, 20)
    assert found.labels.tolist() == [0]
    np.testing.assert_array_equal(found.images, blind.images)


def test_a_wrong_label_misleads_the_attack_that_believes_it(seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    wrong = Knowledge(network=case.knowledge.network, size=16, targets=torch.tensor([1]))
    misled = carry_out(lbfgs_distance, case._replace(knowledge=wrong), 10)
    assert misled.objective > 10 * carry_out(lbfgs_distance, case, 10).objective


def test_deep_leakage_looks_for_masks_too(seen: Callable[..., Any]) -> None:
    case = seen("mlp", 16, task="segmentation")
    blind = Knowledge(network=case.knowledge.network, size=16)
    found = carry_out(dlg, case._replace(knowledge=blind), 5)
    assert found.masks.shape == (1, 16, 16)
    assert found.masks.min() >= 0
    assert found.masks.max() <= 1
    assert found.labels is None
    first = found.objective_history[0, 1]
    assert found.objective < first / 10


def test_masks_of_several_classes_and_own_losses_are_refused(seen: Callable[..., Any]) -> None:
    import dataclasses

    case = seen("mlp", 16, task="segmentation")
    three = dataclasses.replace(case.knowledge, classes=3)
    with pytest.raises(BadInput, match="two classes"):
        carry_out(dlg, case._replace(knowledge=three), 1)
    own = dataclasses.replace(case.observation, loss=nn.MSELoss())
    with pytest.raises(BadInput, match="your own loss"):
        carry_out(dlg, case._replace(observation=own), 1)


@pytest.mark.parametrize("attack", [inverting_gradients, lbfgs_distance])
def test_unknown_masks_are_refused(attack: Any, seen: Callable[..., Any]) -> None:
    case = seen("mlp", 16, task="segmentation")
    blind = Knowledge(network=case.knowledge.network, size=16)
    with pytest.raises(BadInput, match="must know the masks"):
        carry_out(attack, case._replace(knowledge=blind), 1)


@pytest.mark.parametrize("attack", ALL)
def test_the_same_seed_begins_at_the_same_noise(attack: Any, seen: Callable[..., Any]) -> None:
    case = seen("cnn", 16)
    begins = [carry_out(attack, case, 0.5, seed=s).objective_history[0, 1] for s in (0, 0, 1)]
    assert begins[0] == begins[1] != begins[2]


def test_total_variation_counts_the_outer_edges_as_the_library_does() -> None:
    """By breaching's own formula: a padded convolution, absolute values, a mean over pixels."""
    images = torch.rand(2, 1, 5, 7, dtype=torch.float64)
    down = torch.tensor([[0, 0, 0], [0, -1, 0], [0, 1, 0]], dtype=torch.float64)
    kernels = torch.stack([down, down.T])[:, None]
    steps = torch.nn.functional.conv2d(images, kernels, padding=1)
    assert outlined(images).item() == pytest.approx(steps.abs().sum(dim=1).mean().item())


def test_steps_shrink_to_a_tenth_thrice() -> None:
    def downhill(candidate: Candidate) -> Measured:
        return Measured(-candidate.images.sum(), 0.0)

    start = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    guesses = list(stepped_adam(start, downhill, Clock(4), learning_rate=1e-4))
    values = np.array([guess.candidate.images.item() for guess in guesses])
    rates = np.unique(np.round(np.diff(values), 9))
    assert rates == pytest.approx([1e-7, 1e-6, 1e-5, 1e-4], rel=0.01)


def test_lbfgs_takes_the_steps_that_pytorch_takes_in_one_call() -> None:
    def banana(x: torch.Tensor) -> torch.Tensor:
        return (1 - x[..., 0]).square().sum() + 5 * (x[..., 1] - x[..., 0] ** 2).square().sum()

    start = torch.tensor([[[[-0.3, 0.4]]]], dtype=torch.float64)
    guesses = plain_lbfgs(
        [start],
        lambda candidate: Measured(banana(candidate.images), banana(candidate.images).item()),
        Clock(1000),
    )
    ours = [next(guesses).candidate.images for _ in range(12)][-1]
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([theirs], lr=1.0, max_iter=11, history_size=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = banana(theirs)
        value.backward()
        return value

    optimizer.step(closure)
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-9, atol=1e-12)


def test_a_search_that_leaves_the_numbers_ends() -> None:
    def measure(candidate: Candidate) -> Measured:
        value = torch.log(candidate.images).sum()
        return Measured(value, float(value.detach()))

    start = torch.full((1, 1, 2, 2), 0.6, dtype=torch.float64)
    guesses = list(plain_lbfgs([start], measure, Clock(5)))
    assert not np.isfinite(guesses[-1].objective)
    assert len(guesses) < 100
