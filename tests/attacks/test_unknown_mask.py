from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.regression import regressed
from workbench.attacks.methods.sketches import sketches
from workbench.attacks.methods.unknown_mask import joint, organ_area
from workbench.attacks.observation import Observation, observe
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.matching import GradientMatcher
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.models.catalogue import build

pytestmark = pytest.mark.usefixtures("counted_time")


def shared(network: nn.Module, image: Tensor, mask: Tensor) -> Observation:
    """What a step without privacy shares."""
    return observe(
        network, "segmentation", image, mask, noise_multiplier=None, max_grad_norm=1.0,
        stream=SeededStream(0, 1),
    )  # fmt: skip


def small_network() -> nn.Module:
    """Two layers, for what every network shows."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ELU(), nn.Conv2d(8, 1, 3, padding=1)
    )


@pytest.fixture
def small(seen: Callable[..., Any]) -> Callable[..., Any]:
    """A blind case of the small network, 16 pixels wide."""

    def make(**rest: Any) -> Any:
        return blind(seen(network=small_network(), task="segmentation", **rest))

    return make


def blind(case: Any) -> Any:
    """The same case, its masks not told."""
    return case._replace(knowledge=replace(case.knowledge, targets=None))


def carry_out(case: Any, seconds: float, restarts: int = 1) -> Any:
    return end(joint(case.observation, case.knowledge, seconds=seconds, restarts=restarts, seed=0))


def test_frames_show_slice_and_mask(small: Callable[..., Any]) -> None:
    case = small()
    steps = joint(case.observation, case.knowledge, seconds=4, restarts=2, seed=0)
    frames = list(steps)
    assert {frame.restart for frame in frames} >= {0, 1}
    for frame in frames:
        assert isinstance(frame, Reconstructing)
        assert frame.mask is not None
        assert frame.mask.shape == frame.image.shape == (1, 16, 16)
        assert frame.mask.min() >= 0
        assert frame.mask.max() <= 1


def test_masks_that_are_told_are_not_looked_at(small: Callable[..., Any]) -> None:
    case = small()
    poison = replace(case.knowledge, targets=torch.full((1, 1, 16, 16), float("nan")))
    found = carry_out(case._replace(knowledge=poison), 1)
    assert np.isfinite(found.objective)
    assert np.isfinite(found.masks).all()


def test_a_batch_is_looked_for_too(small: Callable[..., Any]) -> None:
    found = carry_out(small(records=2), 3)
    assert found.images.shape == found.masks.shape == (2, 16, 16)
    assert found.objective < 1


@settings(max_examples=20, deadline=None)
@given(side=st.integers(8, 44), output=st.floats(0.2, 0.8))
def test_the_last_bias_gives_the_area_away(side: int, output: float) -> None:
    """With the same output p at every pixel the loss' derivative in the bias depends on the area
    alone."""
    layer = nn.Conv2d(1, 1, 1)
    assert layer.bias is not None
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, float(np.log(output / (1 - output))))
    network = nn.Sequential(layer)
    mask = torch.zeros(1, 1, 64, 64, dtype=torch.long)
    mask[..., :side, :side] = 1
    area = side**2 / 64**2
    image = torch.full((1, 1, 64, 64), 0.4)
    observation = shared(network, image, mask)
    matcher = GradientMatcher(network, observation, None)
    bias = float(observation.gradients["0.bias"])
    dice = -2 * output * (1 - output) * area**2 / (output + area) ** 2
    assert bias == pytest.approx(output - area + dice, abs=2e-3)
    assert organ_area(matcher, observation, image) == pytest.approx(area, rel=0.05, abs=3e-3)


@pytest.mark.slow
def test_a_regression_on_drawings_finds_the_organ_of_another_drawing() -> None:
    network = build("unet-small", size=32, classes=2, task="segmentation", seed=0)
    images, masks = sketches(3, 32, seed=99)
    drawings = sketches(100, 32, seed=1)
    better = []
    for image, mask in zip(images.split(1), masks.split(1), strict=True):
        observation = shared(network, image, mask)
        matcher = GradientMatcher(network, observation, None)
        *_, found = regressed(matcher, observation, drawings, clock=Clock(1000), seed=0)
        assert found is not None
        assert found.targets is not None
        mean = drawings[1].double().mean(dim=0, keepdim=True)
        gap, of_mean = found.targets - mask, mean - mask
        better.append(float((gap**2).sum() / (of_mean**2).sum()))
    assert np.median(better) < 0.8


def test_a_regression_without_time_says_so(small: Callable[..., Any]) -> None:
    case = small()
    matcher = GradientMatcher(case.knowledge.network, case.observation, None)
    drawings = sketches(20, 16, seed=1)
    learned = regressed(matcher, case.observation, drawings, clock=Clock(1e-9), seed=0)
    assert list(learned) == [None]


@given(seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_drawings_are_slices_with_masks(seed: int) -> None:
    images, masks = sketches(3, 16, seed)
    assert images.shape == masks.shape == (3, 1, 16, 16)
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert set(masks.unique().tolist()) <= {0, 1}
    again, _ = sketches(3, 16, seed)
    assert torch.equal(images, again)


def test_what_cannot_be_looked_for_is_refused(
    seen: Callable[..., Any], small: Callable[..., Any]
) -> None:
    case = seen("cnn", 16)
    with pytest.raises(BadInput, match="no mask behind it"):
        carry_out(case, 1)
    case = small()
    several = replace(case.knowledge, classes=4)
    with pytest.raises(BadInput, match="not with 3"):
        carry_out(case._replace(knowledge=several), 1)
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False))
    image = torch.from_numpy(picture(16))[None, None]
    observation = shared(network, image, (image > 0.6).long())
    with pytest.raises(BadInput, match="no bias"):
        end(joint(observation, Knowledge(network=network, size=16), seconds=1, restarts=1, seed=0))
