"""A reconstruction beside the truth, and how it came about: for print and for a live panel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure as PrintFigure

from workbench.attacks.events import Reconstructing
from workbench.attacks.scoring.score import EXACT_PSNR
from workbench.figures.theme import (
    MAP_COLOURS,
    PALETTE,
    make_figure,
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


class ObjectiveNumbers(NamedTuple):
    """How well the attacker matched the gradient over time, as the attacker sees it.

    Attributes:
        record: seconds and objective of the attack on the real gradient.
        floor: the same for the gradient of pure noise.
    """

    record: tuple[list[float], list[float]]
    floor: tuple[list[float], list[float]]


def objective_numbers(events: Iterable[Any]) -> ObjectiveNumbers:
    """Pick the curves out of a run's events; undefined objectives are left out."""
    numbers = ObjectiveNumbers(([], []), ([], []))
    for event in events:
        with_frame(numbers, event)
    return numbers


def with_frame(numbers: ObjectiveNumbers, event: Any) -> ObjectiveNumbers:
    """The curves with one more event; the lists are extended in place."""
    if isinstance(event, Reconstructing) and math.isfinite(event.objective):
        seconds, objective = numbers.record if event.target == "record" else numbers.floor
        seconds.append(event.seconds)
        objective.append(event.objective)
    return numbers


def draw_objective(numbers: ObjectiveNumbers, *, height: int = 220) -> go.Figure:
    """Objective over time, logarithmic: one curve for the record, one for the floor."""
    figure = make_figure(x_title="time (s)", y_title="gradient mismatch (relative)", height=height)
    looks = (("slice", PALETTE["blue"], "solid"), ("pure noise", PALETTE["grey"], "dash"))
    for (seconds, objective), (name, colour, dash) in zip(numbers, looks, strict=True):
        figure.add_scatter(
            x=seconds, y=objective, name=name, line={"color": colour, "dash": dash, "width": 2}
        )
    figure.update_yaxes(type="log", exponentformat="power")
    return figure


class NoiseNumbers(NamedTuple):
    """Scores over noise, from several finished attacks on the same slice.

    Attributes:
        labels: ``"no DP"``, ``"clipping only"``, ``"σ = 0.01"``, in order of noise.
        psnr: dB of the attack; what is above 80 dB is drawn there.
        floor_psnr: dB of the same attack on pure noise; ``None`` where it was not made.
        baseline_psnr: dB of the best blind guess.
    """

    labels: tuple[str, ...]
    psnr: tuple[float, ...]
    floor_psnr: tuple[float | None, ...]
    baseline_psnr: float


_TOP_DECIBEL = 80.0


def noise_numbers(results: Sequence[Mapping[str, Any]]) -> NoiseNumbers:
    """Order finished attacks by how much noise they met.

    Args:
        results: at least one.
    """
    ordered = sorted(results, key=_amount)
    return NoiseNumbers(
        labels=tuple(_short(result) for result in ordered),
        psnr=tuple(min(result["psnr"], _TOP_DECIBEL) for result in ordered),
        floor_psnr=tuple(result["floor_psnr"] for result in ordered),
        baseline_psnr=ordered[0]["baseline_psnr"],
    )


def _amount(result: Mapping[str, Any]) -> float:
    noise = result["noise_multiplier"]
    return -1.0 if noise is None else float(noise)


def _short(result: Mapping[str, Any]) -> str:
    noise = result["noise_multiplier"]
    return f"σ = {noise:g}" if noise else in_words(result)


def draw_noise(numbers: NoiseNumbers, *, height: int = 260) -> go.Figure:
    """What noise leaves of a slice: PSNR beside its floor and the best blind guess."""
    figure = make_figure(x_title="protection", y_title="PSNR (dB)", height=height)
    labels = list(numbers.labels)
    curves = (
        ("attack", list(numbers.psnr), PALETTE["vermillion"], "solid"),
        ("same attack on pure noise", list(numbers.floor_psnr), PALETTE["grey"], "dash"),
        ("blind guess", [numbers.baseline_psnr] * len(labels), PALETTE["blue"], "dot"),
    )
    for name, values, colour, dash in curves:
        figure.add_scatter(
            x=labels, y=values, name=name, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
        )  # fmt: skip
    return figure
