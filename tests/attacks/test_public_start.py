from __future__ import annotations

import pytest
import torch
from torch import Tensor

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.start import grey, starting_images, starting_masks
from workbench.attacks.observation import Observation

SIZE = 16


def observation(records: int = 1) -> Observation:
    """What a start may look at: how many records there are."""
    return Observation(
        gradients={"weight": torch.zeros(2)}, parameters={}, buffers={}, batch_size=records,
        loss="segmentation",
    )  # fmt: skip


def knowledge(public: Tensor | None = None, targets: Tensor | None = None) -> Knowledge:
    return Knowledge(network=torch.nn.Identity(), size=SIZE, public=public, public_targets=targets)


def squares(count: int, left: int) -> Tensor:
    """Masks of one square, ``(count, 1, SIZE, SIZE)``."""
    masks = torch.zeros(count, 1, SIZE, SIZE, dtype=torch.long)
    masks[..., 4:10, left : left + 4] = 1
    return masks


def test_nothing_public_starts_grey_and_each_attempt_anew() -> None:
    first, second = (starting_images(observation(2), knowledge(), None, r, 7) for r in (0, 1))
    assert first.shape == (2, 1, SIZE, SIZE)
    assert torch.equal(first, grey((2, 1, SIZE, SIZE), 0, 7))
    assert not torch.equal(first, second)
    assert (first - 0.3).abs().max() < 0.15


def test_without_masks_the_first_attempt_starts_at_the_mean_of_all() -> None:
    public = torch.rand(9, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    started = starting_images(observation(2), knowledge(public), None, 0, 0)
    torch.testing.assert_close(started, public.mean(dim=0, keepdim=True).expand(2, -1, -1, -1))
    other = starting_images(observation(2), knowledge(public), None, 1, 0)
    assert not torch.equal(started, other)


def test_a_known_mask_chooses_the_people_whose_masks_are_like_it() -> None:
    public = torch.cat([torch.full((40, 1, SIZE, SIZE), 0.2), torch.full((40, 1, SIZE, SIZE), 0.8)])
    masks = torch.cat([squares(40, 1), squares(40, 9)])
    told = torch.cat([squares(1, 2), squares(1, 8)])
    started = starting_images(observation(2), knowledge(public, masks), told, 0, 0)
    assert started[0].mean() == pytest.approx(0.2)
    assert started[1].mean() == pytest.approx(0.8)


def test_a_known_label_chooses_the_people_with_the_same() -> None:
    public = torch.stack([torch.full((1, SIZE, SIZE), value) for value in (0.1, 0.9, 0.1, 0.9)])
    labels = torch.tensor([0, 1, 0, 1])
    held = knowledge(public, labels)
    started = starting_images(observation(), held, torch.tensor([1]), 0, 0)
    assert started.mean() == pytest.approx(0.9)
    unheard = starting_images(observation(), held, torch.tensor([5]), 0, 0)
    assert unheard.mean() == pytest.approx(0.5)


@pytest.mark.parametrize("restart", range(6))
def test_every_attempt_begins_inside_the_range_of_grey_values(restart: int) -> None:
    public = torch.rand(5, 1, SIZE, SIZE)
    for held in (knowledge(), knowledge(public), knowledge(public, squares(5, 3))):
        started = starting_images(observation(), held, squares(1, 3), restart, 1)
        assert started.shape == (1, 1, SIZE, SIZE)
        assert started.dtype == torch.float32
        assert started.min() >= 0
        assert started.max() <= 1


def test_masks_begin_even_at_the_area_that_leaked() -> None:
    started = starting_masks(knowledge(), 0.07, 0)
    assert started.shape == (1, 1, SIZE, SIZE)
    torch.testing.assert_close(started, torch.full_like(started, 0.07))


def test_public_masks_shape_the_start_and_keep_its_area() -> None:
    held = knowledge(torch.rand(6, 1, SIZE, SIZE), squares(6, 3))
    started = starting_masks(held, 0.04, 0)
    assert float(started.mean()) == pytest.approx(0.04, rel=1e-3)
    inside = squares(1, 3).bool()
    assert started[inside].min() > 10 * started[~inside].max()
    assert started.min() > 0
    assert torch.unique(starting_masks(held, 0.04, 1)).numel() == 1
