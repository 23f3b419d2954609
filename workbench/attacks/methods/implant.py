"""What a malicious server puts in front of a network so that slices can be read off its gradient.

A few measurements of a slice (brightness, random projections) are cut into bins, one row of a
linear layer each. A row has a gradient only from the slices that fall into its bin, and every row
the same one, so a slice that is alone in a bin is read off that row. With several measurements a
slice that shares its bin in one is likely alone in another (``methods.imprint``).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.special import ndtri
from torch import Tensor, nn

from workbench.errors import BadInput

MEASUREMENTS = 4
BINS_PER_SLICE = 8
FEWEST_BINS = 64
LARGEST_LAYER = 2**25
"""Weights that the implant may have: 128 MiB."""

GAIN = 10.0
"""Of the change that the rows make to the input. Large, so that where gradients are clipped the
rows take up nearly all of the norm that is left to a slice."""

LARGEST_CHANGE = 1e-3
"""That all rows together may add to a pixel, so that the network answers as it did."""

_TRIED = 24
_BLURS = (0.0, 1.0, 2.0)
_KERNEL = 0.3
_BEYOND = 2.0
"""Standard deviations of the public slices: of the kernel that smooths their measurements, and
how far bins reach beyond them."""


class Imprinted(nn.Module):
    """A network behind a layer of bins.

    The rows' answers are added up and added to the input, so it fits in front of any network for
    ``(B, 1, H, W)``, and every row has the same gradient from above.

    Args:
        network: any, for classification or segmentation.
        directions: ``(R, H * W)``, of unit length: what is measured of a slice.
        edges: ``(R, K + 1)``, rising: where the bins of each measurement begin and end.
        pattern: ``(H, W)``, by which the answers are added to the input.
    """

    def __init__(self, network: nn.Module, directions: Tensor, edges: Tensor, pattern: Tensor):
        super().__init__()
        self.measurements = len(directions)
        rows = edges[:, 1:].numel()
        height = LARGEST_CHANGE / (GAIN * rows)
        scale = (height / edges.diff(dim=1)).unsqueeze(2)
        self.imprint = nn.Linear(directions.shape[1], rows)
        with torch.no_grad():
            self.imprint.weight.copy_((scale * directions.unsqueeze(1)).flatten(0, 1))
            self.imprint.bias.copy_((-scale[..., 0] * edges[:, :-1]).flatten())
        self.bins = nn.Hardtanh(0.0, height)
        # Frozen rather than a buffer: buffers are what a check for private training looks into.
        self.pattern = nn.Parameter(GAIN * pattern, requires_grad=False)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        answers = self.bins(self.imprint(x.flatten(1))).sum(dim=1)
        out: Tensor = self.network(x + answers.view(-1, 1, 1, 1) * self.pattern)
        return out


def implant(network: nn.Module, public: Tensor, *, size: int, batch: int, seed: int) -> Imprinted:
    """Put bins in front of a network (after Fowl et al. 2022, Robbing the Fed).

    Their rows are cumulative and taken apart by differences; here a row answers to its own bin
    only (their variant for several local steps), so that no digits are lost in differences, and
    a row that has moved in a first local step answers to nothing afterwards. Among random
    measurements those are taken that tell public slices apart best.

    Args:
        network: of the training; it is not changed, its weights are shared.
        public: slices that the server holds, ``(N, 1, size, size)`` in [0, 1], N >= 2.
        size: side of the slices in pixels.
        batch: slices behind what the server sees, of all sites together, >= 1.
        seed: of the measurements.

    Raises:
        BadInput: there are no public slices, they do not fit or are all alike, or the slices are
            too large for bins enough.
    """
    _check(public, size)
    rng = np.random.default_rng((seed, 0x1A9))
    count = _bins(size, batch)
    shown = public.double().flatten(1).numpy()
    tried = [np.full(size * size, 1.0 / size), *(_random(rng, size) for _ in range(_TRIED))]
    collisions = [_collisions(shown @ direction, count) for direction in tried]
    chosen = [tried[i] for i in np.argsort(collisions, kind="stable")[:MEASUREMENTS]]
    edges = np.stack([bin_edges(shown @ direction, count) for direction in chosen])
    pattern = torch.from_numpy(1 + rng.standard_normal((size, size))).float()
    return Imprinted(
        network, torch.from_numpy(np.stack(chosen)), torch.from_numpy(edges), pattern
    ).to(next(network.parameters()).device)


def bin_edges(measured: np.ndarray, bins: int) -> np.ndarray:
    """Where bins begin and end so that unseen slices spread evenly over them.

    Args:
        measured: ``(N,)``, of public slices, not all the same.
        bins: K, at least 16.

    Returns:
        ``(K + 1,)``, rising: quantiles of the smoothed sample, and a sixteenth of the bins on
        each side for what lies beyond it.
    """
    spread = float(measured.std())
    shifts = _KERNEL * spread * ndtri((np.arange(32) + 0.5) / 32)
    smoothed = np.add.outer(measured, shifts).ravel()
    outer = bins // 16
    inner = np.quantile(smoothed, np.linspace(0, 1, bins - 2 * outer + 1))
    below = np.linspace(inner[0] - _BEYOND * spread, inner[0], outer + 1)[:-1]
    above = np.linspace(inner[-1], inner[-1] + _BEYOND * spread, outer + 1)[1:]
    return np.concatenate([below, inner, above])


def _check(public: Tensor, size: int) -> None:
    if public.ndim != 4 or tuple(public.shape[1:]) != (1, size, size):
        raise BadInput(
            f"The public slices have shape {tuple(public.shape)}, but the network takes "
            f"{size} x {size} pixels; resize them.",
            field="public",
        )
    if len(public) < 2 or not (public != public[:1]).any():
        raise BadInput(
            f"The imprint attack chooses its bins by public slices that differ, and has "
            f"{len(public)} of them; let the server hold others' slices or phantoms.",
            field="public",
        )


def _bins(size: int, batch: int) -> int:
    wanted = max(FEWEST_BINS, BINS_PER_SLICE * batch)
    possible = LARGEST_LAYER // (MEASUREMENTS * size * size)
    count = min(wanted, possible)
    # Below 1.3 bins a slice in all, slices can no longer be told apart one by one.
    if count < 16 or MEASUREMENTS * count < 1.3 * batch:
        raise BadInput(
            f"An imprint for {batch} slices of {size} x {size} pixels would have more than "
            f"{LARGEST_LAYER:,} weights; take smaller slices or a smaller batch.",
            field="size",
        )
    return count


def _random(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random direction of unit length, rough or smooth, ``(size * size,)``."""
    field = rng.standard_normal((size, size))
    direction = gaussian_filter(field, _BLURS[int(rng.integers(len(_BLURS)))]).ravel()
    found: np.ndarray = direction / np.linalg.norm(direction)
    return found


def _collisions(measured: np.ndarray, bins: int) -> float:
    """How often two slices share a bin whose edges were found on others."""
    if len(measured) < 8 or not measured[::2].std():
        return -float(measured.std())
    edges = bin_edges(measured[::2], bins)
    held = np.bincount(np.searchsorted(edges, measured[1::2]), minlength=bins + 2)
    # What lies beyond all bins is not seen at all, which is as bad as sharing a bin.
    pairs = (held[1:-1] * (held[1:-1] - 1)).sum() + (held[0] + held[-1]) * held.sum()
    return float(pairs / max(held.sum() * (held.sum() - 1), 1))
