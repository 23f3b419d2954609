"""The life of an attack in one strip, for print: what it believed, moment after moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as PrintFigure

from workbench.attacks.events import Reconstructing
from workbench.attacks.scoring.score import score
from workbench.errors import BadInput
from workbench.figures.theme import make_picture_figure


class FilmNumbers(NamedTuple):
    """Pictures in order of time, the truth last.

    Attributes:
        pictures: ``(K, H, W)`` in [0, 1], of the first slice of a batch.
        titles: the moment that each shows, and how good it is.
    """

    pictures: np.ndarray
    titles: tuple[str, ...]


def film_numbers(events: Iterable[Any], truth: np.ndarray, *, frames: int = 8) -> FilmNumbers:
    """Pick moments out of an attack's events, close together at first, where it moves fast.

    Args:
        events: of one attack; the attack on pure noise is left out.
        truth: ``(B, H, W)`` in [0, 1].
        frames: pictures at most, the truth beside them.

    Raises:
        BadInput: there is no picture among the events.
    """
    shown = [e for e in events if isinstance(e, Reconstructing) and e.target == "record"]
    if not shown:
        raise BadInput("This run has no picture yet; let the attack run for a moment.")
    shares = np.linspace(0, 1, min(frames, len(shown))) ** 1.5
    chosen = [shown[at] for at in dict.fromkeys((shares * (len(shown) - 1)).round().astype(int))]
    titles = [f"{e.seconds:.1f} s, {score(truth[0], e.image[0]).psnr:.1f} dB" for e in chosen]
    return FilmNumbers(
        pictures=np.stack([*(event.image[0] for event in chosen), truth[0]]),
        titles=(*titles, "truth"),
    )


def draw_film(numbers: FilmNumbers) -> PrintFigure:
    """The strip, one picture beside the other."""
    figure, grid = make_picture_figure(1, len(numbers.pictures), side_inches=1.3)
    for axes, picture, title in zip(grid[0], numbers.pictures, numbers.titles, strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, fontsize=7)
    return figure
