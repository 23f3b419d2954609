"""How much a gradient tells of each pixel, and a search in which all of them move alike.

A trained network is sure of itself far from the organ, and shares little of what lies there: on
liver CT the curvature of the squared distance differs by five orders of magnitude between pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.attacks.search.descent import Candidate, Render
from workbench.attacks.search.matching import GradientMatcher

PROBES = 12
POWER = -0.25
"""Of the curvature, that a pixel's steps are scaled with. -0.5 would make all curvatures equal, and
was worse than none on liver CT: pixels of which little is told then move first and drown what is
known of them beforehand."""

_LEAST = 1e-8
"""Relative curvature below which pixels are treated alike."""


def curvatures(matcher: GradientMatcher, images: Tensor, probes: int = PROBES) -> Tensor:
    """Squared length of each pixel's column of the Jacobian, estimated.

    The transposed Jacobian times a vector of random signs has these as its mean squares
    (Hutchinson 1990; Bekas et al. 2007).

    Args:
        matcher: of the observation.
        images: where, ``(B, 1, H, W)``.
        probes: random vectors; the relative error of each value falls with their square root.

    Returns:
        Of the shape of the images, >= 0.
    """
    generator = torch.Generator().manual_seed(0)
    found = torch.zeros_like(images, dtype=matcher.dtype)
    for _ in range(probes):
        leaf = images.detach().to(matcher.dtype).requires_grad_()
        probed = sum((_signs(part, generator) * part).sum() for part in _shared(matcher, leaf))
        assert isinstance(probed, Tensor)
        (along,) = torch.autograd.grad(probed, leaf)
        found += along * along / probes
    return found


def steps(curvature: Tensor) -> Tensor:
    """How far each pixel goes for a unit of what is searched; 1 at the mean curvature.

    Args:
        curvature: of each pixel, any shape; where none is positive and finite, all steps are 1.
    """
    mean = curvature.mean()
    if not torch.isfinite(mean) or mean <= 0:
        return torch.ones_like(curvature)
    return (curvature / mean + _LEAST) ** POWER


def rescaled(origin: Tensor, scale: Tensor, render: Render) -> Render:
    """Search the way from an origin, in units of each pixel's step.

    Args:
        origin: images ``(B, 1, H, W)``.
        scale: of the same shape, > 0.
        render: from what is searched to a way.
    """

    def moved(searched: Sequence[Tensor]) -> Candidate:
        return Candidate(origin + scale * render(searched).images)

    return moved


def _shared(matcher: GradientMatcher, images: Tensor) -> list[Tensor]:
    return matcher.shared(Candidate(images))


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    return 2 * torch.randint(2, like.shape, generator=generator).to(like.dtype) - 1
