"""What a gradient gives away before anybody attacks it: bounds over noise, network by network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from workbench.errors import BadInput
from workbench.figures.theme import make_figure, style


class LeakageNumbers(NamedTuple):
    """Bounds on how well a slice can be brought back.

    Attributes:
        noise: noise multipliers, rising, > 0.
        curves: PSNR in dB at each of them, by name of network.
    """

    noise: tuple[float, ...]
    curves: tuple[tuple[str, tuple[float, ...]], ...]


def leakage_numbers(
    noise: Sequence[float], curves: Mapping[str, Sequence[float]]
) -> LeakageNumbers:
    """Put the curves of several networks side by side.

    Raises:
        BadInput: a noise multiplier is not above 0, or a curve has another length.
    """
    if not all(sigma > 0 for sigma in noise):
        raise BadInput(
            "Noise multipliers must be above 0: without noise no bound holds.",
            field="noise_multiplier",
        )
    for name, values in curves.items():
        if len(values) != len(noise):
            raise BadInput(f"{name} has {len(values)} values at {len(noise)} noise multipliers.")
    order = sorted(range(len(noise)), key=lambda at: noise[at])
    return LeakageNumbers(
        noise=tuple(float(noise[at]) for at in order),
        curves=tuple(
            (name, tuple(float(values[at]) for at in order)) for name, values in curves.items()
        ),
    )


def draw_leakage(numbers: LeakageNumbers, *, height: int = 320) -> go.Figure:
    """One curve per network, told apart by colour, dash and marker; the noise is logarithmic."""
    figure = make_figure(
        x_title="noise multiplier σ (log scale)",
        y_title="PSNR without a prior, at most (dB)",
        height=height,
    )
    for index, (name, values) in enumerate(numbers.curves):
        figure.add_scatter(
            x=numbers.noise, y=values, name=name, mode="lines+markers", **style(index)
        )
    figure.update_xaxes(type="log", exponentformat="power")
    return figure
