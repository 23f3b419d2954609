"""How much of the truth is in a reconstruction. Scores are for people; attacks never see them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from skimage.metrics import structural_similarity

from workbench.attacks.scoring.affine import matched

_AIR = 0.1
_SMALLEST_MSE = 2.0**-48 / 12
"""Of rounding to 24 binary digits, as float32 pictures are: what no comparison can get below."""

EXACT_PSNR = -10 * math.log10(_SMALLEST_MSE)
"""dB of pictures that are equal as far as float32 goes (155.3), so that scores stay numbers."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How close one picture is to the truth.

    Attributes:
        mse: mean squared error, 0 to 1.
        psnr: peak signal-to-noise ratio in dB for a range of 1, at most :data:`EXACT_PSNR`.
        ssim: structural similarity, at most 1 (Wang et al. 2004, Gaussian window of 1.5 pixels).
        ncc: Pearson's correlation of the pixels, -1 to 1; 0 where a picture is constant.
        psnr_body: the same as ``psnr`` over the pixels of the body alone.
        psnr_affine: ``psnr`` after brightness and contrast were matched to the truth; never less.
        psnr_body_affine: the same over the body alone, matched there.
    """

    mse: float
    psnr: float
    ssim: float
    ncc: float
    psnr_body: float
    psnr_affine: float
    psnr_body_affine: float


def score(truth: np.ndarray, picture: np.ndarray) -> Score:
    """Compare two pictures ``(H, W)`` with values in [0, 1], sides of at least 11 pixels."""
    truth, picture = truth.astype(np.float64), picture.astype(np.float64)
    squares, inside = (truth - picture) ** 2, body(truth)
    mse = float(squares.mean())
    return Score(
        mse=mse,
        psnr=decibel(mse),
        ssim=float(
            structural_similarity(
                truth, picture, data_range=1.0, gaussian_weights=True, sigma=1.5,
                use_sample_covariance=False,
            )
        ),
        ncc=_correlation(truth, picture),
        psnr_body=decibel(float(squares[inside].mean())),
        psnr_affine=_matched_psnr(truth, picture, np.ones_like(inside)),
        psnr_body_affine=_matched_psnr(truth, picture, inside),
    )  # fmt: skip


def mean_score(truths: np.ndarray, pictures: np.ndarray) -> Score:
    """The mean of each score over a batch ``(B, H, W)``, picture by picture in this order."""
    scores = [score(truth, picture) for truth, picture in zip(truths, pictures, strict=True)]
    return Score(
        **{
            field.name: float(np.mean([getattr(one, field.name) for one in scores]))
            for field in fields(Score)
        }
    )


def assign(truths: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Which picture belongs to which truth: a gradient of a batch does not say the order.

    Args:
        truths: ``(B, H, W)``.
        pictures: ``(B, H, W)``.

    Returns:
        int ``(B,)``: ``pictures[assign(...)]`` is in the order of ``truths``, with the smallest
        possible sum of squared errors (Kuhn 1955).
    """
    gaps = ((truths[:, None] - pictures[None]) ** 2).mean(axis=(2, 3))
    order: np.ndarray = linear_sum_assignment(gaps)[1]
    return order


def body(truth: np.ndarray) -> np.ndarray:
    """Where the body is: bool ``(H, W)``; the largest part brighter than air, its holes filled."""
    low, high = float(truth.min()), float(truth.max())
    parts, count = ndimage.label(truth > low + _AIR * (high - low))
    if count == 0:
        return np.ones(truth.shape, dtype=bool)
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    filled: np.ndarray = ndimage.binary_fill_holes(parts == largest)
    return filled


def decibel(mse: float) -> float:
    """PSNR of a mean squared error for a range of 1, at most :data:`EXACT_PSNR`."""
    return -10 * math.log10(max(mse, _SMALLEST_MSE))


def _matched_psnr(truth: np.ndarray, picture: np.ndarray, where: np.ndarray) -> float:
    gaps = (truth - matched(truth, picture, where))[where]
    return decibel(float((gaps**2).mean()))


def _correlation(truth: np.ndarray, picture: np.ndarray) -> float:
    a, b = truth - truth.mean(), picture - picture.mean()
    norms = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum() / norms) if norms > 1e-12 else 0.0
