"""Opacus' engines release the same gradient however the pictures lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.dpsgd.engine_names import ENGINES
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.randomness import SeededStream


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ELU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ELU(),
        nn.Flatten(), nn.Linear(128, 2),
    )  # fmt: skip


def gradient(engine: str, images: Tensor) -> Tensor:
    model = network()
    own = make_engine(
        engine, model, max_grad_norm=0.3, noise_multiplier=0.0, expected_units=1.0,
        stream=SeededStream(0),
    )  # fmt: skip
    targets = torch.arange(len(images)) % 2
    losses = nn.functional.cross_entropy(own.model(images), targets, reduction="none")
    own.accumulate(losses, np.arange(len(images)))
    own.release()
    own.detach()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("engine", ENGINES)
def test_channels_last_in_memory_change_nothing(engine: str) -> None:
    rows = torch.rand((6, 1, 16, 16), generator=torch.Generator().manual_seed(1))
    # As a picture (H, W, 1) becomes (1, H, W) without being copied; of one channel, torch calls
    # both layouts contiguous and still passes the second one on.
    last = torch.empty_strided(rows.shape, (256, 1, 16, 1)).copy_(rows)
    assert last.stride() != rows.stride()
    assert torch.allclose(gradient(engine, rows), gradient(engine, last), atol=1e-6)
