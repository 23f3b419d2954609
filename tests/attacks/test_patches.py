"""What a layer's gradient tells of the patches that it looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from attack_cases import end, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.attacks.defence import Defence
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.patches import PatchSpan, by_patches, drawn, patches_of
from workbench.attacks.methods.two_stage import two_stage
from workbench.attacks.observation import Observation, observe
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.dpsgd.randomness import SeededStream
from workbench.models.catalogue import build

pytestmark = pytest.mark.usefixtures("counted_time")
SIZE = 32


def slice_and_mask(seed: int = 0, size: int = SIZE) -> tuple[Tensor, Tensor]:
    image = torch.from_numpy(picture(size, seed))[None, None]
    return image, (image > 0.6).long()


def shared(network: nn.Module, image: Tensor, mask: Tensor, **how: Any) -> Observation:
    private = {"noise_multiplier": None, "max_grad_norm": 1.0, **how}
    return observe(network, "segmentation", image, mask, stream=SeededStream(0, 1), **private)


def unet(**rest: Any) -> nn.Module:
    return build("unet-small", size=SIZE, classes=2, task="segmentation", seed=0, **rest)


def trained(network: nn.Module, steps: int = 40) -> nn.Module:
    """Sure of itself far from the organ, so that hardly any slope comes from there."""
    slices = [slice_and_mask(seed) for seed in range(100, 108)]
    images, masks = (torch.cat(part) for part in zip(*slices, strict=True))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(network(images), masks.float()).backward()
        optimiser.step()
    return network


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 5, 3, padding=1),
        nn.Conv2d(3, 5, (3, 2), stride=2, padding=1, dilation=(1, 2)),
        nn.Linear(7, 4),
    ],
)
def test_a_gradient_is_the_sum_of_slopes_times_patches(layer: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    shape = (1, 3, 9, 9) if isinstance(layer, nn.Conv2d) else (6, 7)
    entered = torch.rand(shape, generator=generator).double()
    layer.double()
    left = layer(entered)
    slopes = torch.rand(left.shape, generator=generator).double()
    (gradient,) = torch.autograd.grad(left, layer.weight, slopes)
    each = slopes[0].flatten(1) if isinstance(layer, nn.Conv2d) else slopes.T
    torch.testing.assert_close(each @ patches_of(layer, entered), gradient.flatten(1))


@given(seed=st.integers(0, 50))
@settings(max_examples=3, deadline=None)
def test_the_patches_of_the_slice_lie_inside_and_those_of_others_outside(seed: int) -> None:
    network = unet()
    image, mask = slice_and_mask(seed)
    span = PatchSpan(network, shared(network, image, mask), SIZE)
    assert span.told
    assert float(span.outside(image.double())) < 1e-6
    other, _ = slice_and_mask(seed + 1)
    assert float(span.outside(other.double())) > 1e-3
    assert float(span.outside(drawn(SIZE).double())) > 1e-3


def test_neither_masks_nor_the_length_of_the_gradient_matter() -> None:
    network = unet()
    image, mask = slice_and_mask()
    for told in (mask, 1 - mask, slice_and_mask(5)[1]):
        for norm in (None, 1e-2):
            noise = None if norm is None else 0.0
            seen = shared(network, image, told, noise_multiplier=noise, max_grad_norm=norm or 1.0)
            assert float(PatchSpan(network, seen, SIZE).outside(image.double())) < 1e-6


def test_what_does_not_tell_is_not_asked() -> None:
    network = unet()
    image, mask = slice_and_mask()
    seen = shared(network, image, mask)
    poisoned = {name: torch.full_like(g, float("nan")) for name, g in seen.gradients.items()}
    nothing = {name: torch.zeros_like(g) for name, g in seen.gradients.items()}
    for silent in (
        shared(network, image, mask, noise_multiplier=0.5),
        shared(network, image, mask, local_steps=2),
        shared(network, image.expand(2, -1, -1, -1), mask.expand(2, -1, -1, -1)),
        shared(network, image, mask, defence=Defence("quantise", 8)),
        replace(seen, gradients=poisoned),
        replace(seen, gradients=nothing),
    ):
        assert not PatchSpan(network, silent, SIZE).told
    few = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ELU(), nn.Conv2d(8, 1, 3, padding=1))
    assert not PatchSpan(few, shared(few, image, mask), SIZE).told


def test_the_search_ends_when_its_time_is_over() -> None:
    network = unet()
    image, mask = slice_and_mask()
    seen = shared(network, image, mask)
    matcher = GradientMatcher(network, seen, mask)
    span = PatchSpan(network, seen, SIZE)
    assert list(by_patches(span, matcher, Clock(1e-9), Candidate(drawn(SIZE)))) == []


@pytest.mark.slow
@pytest.mark.parametrize("public", [True, False])
def test_a_trained_network_gives_the_slice_away(public: bool) -> None:
    torch.manual_seed(0)
    network = trained(unet())
    image, mask = slice_and_mask()
    others = torch.cat([slice_and_mask(seed)[0] for seed in range(200, 230)])
    held = Knowledge(
        network=network, size=SIZE, targets=mask, public=others if public else None
    )  # fmt: skip
    seen = shared(network, image, mask)
    found = end(two_stage(seen, held, seconds=8, restarts=1, seed=0))
    assert mean_score(image[:, 0].numpy(), found.images).psnr > 30


@pytest.mark.slow
def test_where_features_lead_astray_the_search_goes_on_as_without_them(
    seen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = seen("unet", SIZE)
    monkeypatch.setattr("workbench.attacks.methods.smooth.by_patches", lambda *given: iter([]))
    frames = list(two_stage(case.observation, case.knowledge, seconds=3, restarts=1, seed=0))
    assert "searching" in {frame.stage for frame in frames}
