"""A reconstruction beside the truth and the error, for print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as PrintFigure

from workbench.attacks.scoring.score import EXACT_PSNR
from workbench.figures.theme import (
    MAP_COLOURS,
    make_picture_figure,
    png,
)

ROWS_SHOWN = 8


class ReconstructionNumbers(NamedTuple):
    """What the sheet of a finished attack shows.

    Attributes:
        truth: ``(B, H, W)`` in [0, 1].
        reconstruction: ``(B, H, W)`` in [0, 1], in the order of ``truth``.
        error: ``(B, H, W)``, absolute difference.
        captions: a line of scores for each slice.
        title: what was attacked, under which noise.
        footer: what the scores have to be compared with.
    """

    truth: np.ndarray
    reconstruction: np.ndarray
    error: np.ndarray
    captions: tuple[str, ...]
    title: str
    footer: str


def reconstruction_numbers(
    result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> ReconstructionNumbers:
    """Pick the sheet out of a finished attack's result and arrays."""
    truth, reconstruction = arrays["truth"], arrays["reconstruction"]
    return ReconstructionNumbers(
        truth=truth,
        reconstruction=reconstruction,
        error=np.abs(truth - reconstruction),
        captions=tuple(
            f"{decibel(one['psnr'])}, SSIM {one['ssim']:.2f}" for one in result["per_slice"]
        ),
        title=f"{result['model']}, {result['attack']} attack, {in_words(result)}",
        footer=_footer(result),
    )


def in_words(result: Mapping[str, Any]) -> str:
    """How the gradient was protected, as a person says it."""
    noise = result["noise_multiplier"]
    if noise is None:
        return "no DP"
    return "clipping only" if noise == 0 else f"noise multiplier {noise:g}"


def decibel(psnr: float) -> str:
    """A PSNR as text, with a word for pictures that are equal."""
    return "exact" if psnr >= EXACT_PSNR else f"{psnr:.1f} dB"


def _footer(result: Mapping[str, Any]) -> str:
    blind = (
        f"without the gradient ({result['baseline']}): {decibel(result['baseline_psnr'])}, "
        f"SSIM {result['baseline_ssim']:.2f}"
    )
    if result["floor_psnr"] is None:
        return blind
    return (
        f"the same attack on pure noise: {decibel(result['floor_psnr'])}, "
        f"SSIM {result['floor_ssim']:.2f}\n{blind}"
    )


def draw_reconstruction(numbers: ReconstructionNumbers) -> PrintFigure:
    """Truth, reconstruction and error side by side, one row for each of up to eight slices."""
    rows = min(len(numbers.truth), ROWS_SHOWN)
    figure, grid = make_picture_figure(rows, 3, side_inches=2.2)
    for row, axes in enumerate(grid):
        axes[0].imshow(numbers.truth[row], cmap="gray", vmin=0, vmax=1)
        axes[1].imshow(numbers.reconstruction[row], cmap="gray", vmin=0, vmax=1)
        axes[2].imshow(numbers.error[row], cmap=MAP_COLOURS, vmin=0, vmax=1)
        axes[0].set_title("truth")
        axes[1].set_title(numbers.captions[row])
        axes[2].set_title("|error|, 0 to 1")
    figure.suptitle(numbers.title, fontsize=10)
    figure.supxlabel(numbers.footer, fontsize=8)
    return figure


def reconstruction_png(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The sheet as the bytes of a PNG file."""
    return png(draw_reconstruction(reconstruction_numbers(result, arrays)))
