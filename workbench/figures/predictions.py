"""What a network says about a few slices, for print: masks over slices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.theme import PALETTE, make_picture_figure


class PredictionNumbers(NamedTuple):
    """Pictures of ``K`` slices.

    Attributes:
        images: uint8 ``(K, H, W)``.
        truths: uint8 ``(K, H, W)`` class of each pixel.
        predictions: by name of the network, uint8 ``(K, H, W)`` probability times 255.
    """

    images: np.ndarray
    truths: np.ndarray
    predictions: dict[str, np.ndarray]


def draw_predictions(numbers: PredictionNumbers) -> Figure:
    """A row for each network: its mask (filled) and the true outline on every slice."""
    count = len(numbers.images)
    figure, grid = make_picture_figure(len(numbers.predictions), count, side_inches=2.4)
    for row, (name, predictions) in zip(grid, numbers.predictions.items(), strict=True):
        for column, axes in enumerate(row):
            _draw(axes, numbers.images[column], numbers.truths[column], predictions[column])
        row[0].set_title(name, loc="left", fontsize=10)
    return figure


def _draw(axes: Axes, image: np.ndarray, truth: np.ndarray, said: np.ndarray) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    shade = np.zeros((*said.shape, 4))
    shade[..., :3] = np.array([0xE6, 0x9F, 0x00]) / 255
    shade[..., 3] = 0.55 * said / 255
    axes.imshow(shade)
    if (truth > 0).any():
        axes.contour(truth > 0, levels=[0.5], colors=PALETTE["sky"], linewidths=1.2)
