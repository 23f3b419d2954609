"""What slices look like, learned from public ones: a small network that takes noise off them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from workbench.attacks.search.clock import Clock

LEAST_NOISE, MOST_NOISE = 0.02, 0.5
"""Standard deviations that the denoiser is trained for, grey values being in [0, 1]."""

CHANNELS = 16
DILATIONS = (1, 2, 4, 2, 1)
"""Of the convolutions, as in IRCNN (Zhang et al. 2017): few layers that look far."""

CROP, CROPS = 32, 32
LEARNING_RATE = 5e-3
MOST_STEPS = 2000
_KEPT = 4

_trained: OrderedDict[str, Denoiser] = OrderedDict()


class Denoiser(nn.Module):
    """Takes white noise of a known strength off slices of any size.

    It says what the noise was, in units of its standard deviation.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = [2] + [CHANNELS] * (len(DILATIONS) - 1) + [1]
        layers: list[nn.Module] = []
        for before, after, dilation in zip(widths[:-1], widths[1:], DILATIONS, strict=True):
            layers += [nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation), nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        """Cleaned images.

        Args:
            images: ``(B, 1, H, W)``.
            noise: standard deviation of the noise in each, ``(B,)``.
        """
        strength = noise.view(-1, 1, 1, 1)
        level = strength.log().expand_as(images) / 2
        return images - strength * self.layers(torch.cat([images, level], dim=1))


def lessons(public: Tensor, *, clock: Clock, seed: int) -> Iterator[Denoiser]:
    """Train a denoiser for slices like these, step by step.

    What has been trained to its end is kept for the life of the process, and given at once where
    the same slices and seed come again.

    Args:
        public: float32 ``(N, 1, H, W)`` in [0, 1].
        clock: of the training, which ends when it is over.
        seed: of weights, crops and noise.

    Yields:
        The denoiser as it is after each step; the last one is trained.
    """
    content = public.numpy().tobytes()
    key = f"{hashlib.sha256(content).hexdigest()}-{tuple(public.shape)}-{seed}"
    if key not in _trained:
        denoiser = _fresh(seed)
        for _ in _steps(denoiser, public, clock, seed):
            yield denoiser
        _trained[key] = denoiser.eval().requires_grad_(False)
        if len(_trained) > _KEPT:
            _trained.popitem(last=False)
    yield _trained[key]


def _fresh(seed: int) -> Denoiser:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Denoiser()


def _steps(denoiser: Denoiser, public: Tensor, clock: Clock, seed: int) -> Iterator[None]:
    drawn = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=LEARNING_RATE)
    for _ in range(MOST_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - 0.95 * clock.share)
        optimizer.zero_grad()
        _misjudged(denoiser, public, drawn).backward()
        optimizer.step()
        if clock.over:
            return
        yield


def _misjudged(denoiser: Denoiser, public: Tensor, drawn: torch.Generator) -> Tensor:
    """Mean squared error of the noise in units of its strength, on crops drawn anew."""
    clean = _crops(public, drawn)
    span = torch.rand(len(clean), generator=drawn)
    noise = LEAST_NOISE * (MOST_NOISE / LEAST_NOISE) ** span
    strength = noise.view(-1, 1, 1, 1)
    noisy = clean + strength * torch.randn(clean.shape, generator=drawn)
    return (((denoiser(noisy, noise) - clean) / strength) ** 2).mean()


def _crops(public: Tensor, drawn: torch.Generator) -> Tensor:
    side = min(CROP, *public.shape[-2:])
    height, width = public.shape[-2:]

    def below(most: int) -> list[int]:
        found: list[int] = torch.randint(most, (CROPS,), generator=drawn).tolist()
        return found

    corners = zip(
        below(len(public)), below(height - side + 1), below(width - side + 1), strict=True
    )
    return torch.stack([public[n, :, y : y + side, x : x + side] for n, y, x in corners])
