from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from attack_cases import batch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, grad

from workbench.attacks.defence import Defence
from workbench.attacks.observation import Observation, observe
from workbench.attacks.search.consistency import comparable, nearest_consistent
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.attacks.search.second_order import LossGradient
from workbench.dpsgd.randomness import SeededStream
from workbench.models.losses import record_losses

SIZE = 8
RATE = 0.5
"""Large, so that the local steps differ."""


def small_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.Tanh(), nn.Conv2d(4, 1, 3, padding=1)
    )


def shared(records: int = 2, **how: Any) -> tuple[nn.Module, Tensor, Tensor, Observation]:
    network = small_network()
    images, targets = batch(SIZE, records, "segmentation")
    given_how = {"noise_multiplier": None, "max_grad_norm": 1.0, "local_rate": RATE, **how}
    observation = observe(
        network, "segmentation", images, targets, stream=SeededStream(0), **given_how
    )
    return network, images, targets, observation


CASES: dict[str, dict[str, Any]] = {
    "one gradient": {},
    "clipped": {"noise_multiplier": 0.0, "max_grad_norm": 0.1},
    "local steps": {"local_steps": 3},
    "local steps, each clipped": {
        "local_steps": 3, "noise_multiplier": 0.0, "max_grad_norm": 0.1,
    },
    "a sum over sites": {"sites": 2},
    "a sum over sites after local steps": {"sites": 2, "local_steps": 3},
    "several rounds": {"rounds": 3},
    "several rounds of local steps": {"rounds": 2, "local_steps": 2},
    "pruned": {"defence": Defence("prune", 0.2)},
    "rounded": {"defence": Defence("quantise", 4)},
    "signs": {"defence": Defence("sign")},
    "pruned in several rounds": {"rounds": 2, "defence": Defence("prune", 0.2)},
}  # fmt: skip


@pytest.mark.parametrize("how", CASES.values(), ids=CASES)
def test_the_true_images_fit_what_was_shared_and_others_do_not(how: dict[str, Any]) -> None:
    network, images, targets, observation = shared(4, **how)
    matcher = GradientMatcher(network, observation, targets)
    of_truth = matcher.compare(Candidate(images))
    of_others = matcher.compare(Candidate(images.flip(-2)))
    # The updates are float32 differences of weights, whose rounding is in them.
    assert of_truth.distance < 1e-9
    assert of_truth.misdirection < 1e-9
    assert of_others.distance > 1e-4
    assert of_others.misdirection > 1e-4


def reference(
    network: nn.Module, observation: Observation, images: Tensor, targets: Tensor
) -> dict[str, Tensor]:
    """An update as torch.func writes it, every derivative left to autograd."""
    weights = {name: p.double() for name, p in observation.parameters.items()}
    start = dict(weights)

    def loss(weights: dict[str, Tensor], image: Tensor, target: Tensor) -> Tensor:
        outputs = functional_call(network, weights, (image[None],))
        return record_losses("segmentation", outputs, target[None]).sum()

    for _ in range(observation.local_steps):
        each = [grad(loss)(weights, x, t) for x, t in zip(images, targets, strict=True)]
        if observation.clipping is not None:
            norms = [sum((g**2).sum() for g in one.values()) ** 0.5 for one in each]
            each = [
                {name: g * (observation.clipping / norm).clamp(max=1) for name, g in one.items()}
                for one, norm in zip(each, norms, strict=True)
            ]
        mean = {name: torch.stack([one[name] for one in each]).mean(dim=0) for name in weights}
        weights = {name: w - observation.local_rate * mean[name] for name, w in weights.items()}
    length = observation.local_rate * observation.local_steps
    return {name: (start[name] - weights[name]) / length for name in start}


@settings(max_examples=20, deadline=None)
@given(
    local_steps=st.integers(1, 3),
    max_grad_norm=st.sampled_from([None, 0.05, 10.0]),
    seed=st.integers(0, 1000),
)
def test_distance_and_its_derivative_agree_with_torch_func(
    local_steps: int, max_grad_norm: float | None, seed: int
) -> None:
    clipped = {} if max_grad_norm is None else {"noise_multiplier": 0.0}
    network, images, _, observation = shared(
        2, local_steps=local_steps, max_grad_norm=max_grad_norm or 1.0, **clipped
    )
    torch.manual_seed(seed)
    guess = torch.rand(images.shape, dtype=torch.float64).requires_grad_()
    masks = torch.rand(images.shape, dtype=torch.float64).requires_grad_()
    compared = GradientMatcher(network, observation, None).compare(Candidate(guess, masks))
    update = reference(network, observation, guess, masks)
    pairs = [(update[name], g.double()) for name, g in observation.gradients.items()]
    ours = torch.cat([a.flatten() for a, _ in pairs])
    seen = torch.cat([b.flatten() for _, b in pairs])
    distance = ((ours - seen) ** 2).sum() / (seen**2).sum()
    misdirection = 1 - nn.functional.cosine_similarity(ours, seen, dim=0)
    for found, expected in ((compared.distance, distance), (compared.misdirection, misdirection)):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
        for a, b in zip(
            torch.autograd.grad(found, (guess, masks), retain_graph=True),
            torch.autograd.grad(expected, (guess, masks), retain_graph=True),
            strict=True,
        ):
            assert (a - b).norm() < 1e-5 * b.norm()


def test_the_difference_is_the_derivative_that_two_backward_passes_give() -> None:
    images, targets = batch(SIZE, 2, "segmentation")
    network = small_network().double()
    names = dict(network.named_parameters())
    weights = torch.cat([p.detach().flatten() for p in network.parameters()])
    along = torch.randn(
        len(weights), dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    found = []
    for exact in (True, False):
        guess = images.double().requires_grad_()
        gradient = LossGradient(network, names, "segmentation", exact=exact)
        found.append(torch.autograd.grad(gradient(guess, targets, weights) @ along, guess)[0])
    assert (found[0] - found[1]).norm() < 1e-6 * found[0].norm()


def test_a_direction_of_no_length_has_no_derivative() -> None:
    network, images, targets, observation = shared()
    matcher = GradientMatcher(network, observation, targets)
    guess = images.double().requires_grad_()
    nothing = torch.stack([(part * 0).sum() for part in matcher.shared(Candidate(guess))]).sum()
    assert not torch.autograd.grad(nothing, guess)[0].any()


def test_single_precision_is_the_same_to_its_own_precision() -> None:
    network, images, targets, observation = shared()
    distances = [
        GradientMatcher(network, observation, targets, dtype).compare(Candidate(images.flip(-1)))
        for dtype in (torch.float32, torch.float64)
    ]
    assert distances[0].distance.dtype == torch.float32
    torch.testing.assert_close(
        distances[0].distance.double(), distances[1].distance, rtol=1e-5, atol=0
    )


def test_what_is_shared_has_the_parameters_shapes_round_after_round() -> None:
    network, images, targets, observation = shared(rounds=2)
    parts = GradientMatcher(network, observation, targets).shared(Candidate(images))
    shapes = [p.shape for p in network.parameters()]
    assert [part.shape for part in parts] == shapes + shapes
    seen = [*observation.gradients.values(), *observation.further[0].gradients.values()]
    for part, gradient in zip(parts, seen, strict=True):
        torch.testing.assert_close(part.float(), gradient, rtol=1e-3, atol=1e-6)


def test_a_matcher_leaves_the_network_alone() -> None:
    network, images, targets, observation = shared()
    before = [p.detach().clone() for p in network.parameters()]
    guess = images.double().requires_grad_()
    matcher = GradientMatcher(network, observation, targets)
    torch.autograd.grad(matcher.compare(Candidate(guess)).distance, guess)
    for p, kept in zip(network.parameters(), before, strict=True):
        assert torch.equal(p, kept)
        assert p.dtype == torch.float32


def nearest(defence: Defence, observed: list[float], gradient: list[float]) -> list[float]:
    *_, observation = shared()
    name = next(iter(observation.gradients))
    blunted = replace(observation, gradients={name: torch.tensor(observed)}, defence=defence)
    return nearest_consistent(blunted, torch.float64)(
        torch.tensor(gradient, dtype=torch.float64)
    ).tolist()


def test_pruned_values_may_be_as_large_as_the_smallest_that_was_kept() -> None:
    found = nearest(Defence("prune", 0.5), [0.0, 3.0, 0.0, -2.0], [1.5, 1.0, -7.0, 1.0])
    assert found == [1.5, 3.0, -2.0, -2.0]


def test_rounded_values_come_from_half_a_bin_around() -> None:
    # Two bits: the values -3, -1, 1, 3, one apart on either side.
    found = nearest(Defence("quantise", 2), [-3.0, 1.0, 3.0], [-2.5, 5.0, 0.0])
    assert found == [-2.5, 2.0, 2.0]


def test_of_signs_everything_up_to_zero_is_possible() -> None:
    found = nearest(Defence("sign"), [1.0, -1.0, 1.0], [0.3, 0.2, -4.0])
    assert found == [0.3, 0.0, 0.0]


def test_signs_of_small_and_large_layers_count_alike() -> None:
    network, images, targets, observation = shared(defence=Defence("sign"))
    even = comparable(observation)(torch.cat([g.flatten() for g in observation.gradients.values()]))
    parts = even.split([g.numel() for g in observation.gradients.values()])
    for part in parts:
        assert float((part**2).mean()) == pytest.approx(1)
    matcher = GradientMatcher(network, observation, targets)
    assert matcher.compare(Candidate(images.flip(-2))).distance < 1


@pytest.mark.parametrize(
    "defence", [Defence("prune", 0.2), Defence("quantise", 3), Defence("sign")], ids=str
)
def test_what_is_nearest_fits(defence: Defence) -> None:
    *_, observation = shared(defence=defence)
    near = nearest_consistent(observation, torch.float64)
    torch.manual_seed(1)
    size = sum(g.numel() for g in observation.gradients.values())
    gradient = torch.randn(size, dtype=torch.float64)
    once = near(gradient)
    assert torch.equal(near(once), once)
