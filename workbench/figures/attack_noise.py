"""What noise leaves of a slice: PSNR over the noise multiplier, with floors and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from workbench.figures.theme import PALETTE, make_figure

TOP_DECIBEL: Final = 80.0
"""What is better than this is drawn here: nobody sees a difference any more."""

_LEAST_DECADE: Final = -3
_STEP: Final = 0.9
"""Distance in decades of the two places that a logarithm does not have: no DP, and clipping."""


class NoisePoint(NamedTuple):
    """One finished attack.

    Attributes:
        noise: noise multiplier; ``None`` without DP, 0 for clipping alone.
        psnr: dB, of the first draw of noise.
        draws: dB of every draw, where there were several.
        floor: dB of the same attack on pure noise; ``None`` where it was not made.
        linear: dB that the worst-case linear-layer law allows; ``None`` where it says nothing.
        cramer_rao: dB that the Cramer-Rao estimate allows; ``None`` where it was not computed.
        identified: probability, 0 to 1, of being found among the candidates at most (ReRo).
    """

    noise: float | None
    psnr: float
    draws: tuple[float, ...] = ()
    floor: float | None = None
    linear: float | None = None
    cramer_rao: float | None = None
    identified: float | None = None


class NoiseNumbers(NamedTuple):
    """Attacks on the same slice, from no protection to much noise.

    Attributes:
        points: in order of noise.
        floor: dB of the attack on pure noise under the most noise; ``None`` where none was made.
        blind: dB of the best guess of somebody who has not seen the gradient.
    """

    points: tuple[NoisePoint, ...]
    floor: float | None
    blind: float | None


def noise_numbers(results: Sequence[Mapping[str, Any]]) -> NoiseNumbers:
    """Order finished attacks by how much noise they met; none at all is an empty figure.

    Args:
        results: of attacks that differ in their noise alone. Bounds may be missing.
    """
    ordered = sorted(results, key=_amount)
    floors = [result["floor_psnr"] for result in ordered if result.get("floor_psnr") is not None]
    return NoiseNumbers(
        points=tuple(_point(result) for result in ordered),
        floor=floors[-1] if floors else None,
        blind=ordered[0].get("baseline_psnr") if ordered else None,
    )


def draw_noise(numbers: NoiseNumbers, *, height: int = 260) -> go.Figure:
    """The attack, its floor, the best blind guess, and two bounds for attackers without a prior.

    The axis is logarithmic; left of it lie the two cases that have no logarithm.
    """
    figure = make_figure(x_title="noise multiplier σ", y_title="PSNR (dB)", height=height)
    for trace in traces(numbers):
        figure.add_trace(trace)
    figure.update_xaxes(_axis(numbers))
    figure.update_yaxes(range=[0, TOP_DECIBEL + 4], dtick=20)
    figure.add_vline(
        x=_place(numbers, 0.0) + _STEP / 2, line={"color": PALETTE["grey"], "width": 1}
    )
    figure.update_layout(
        hovermode="closest",
        legend={"font": {"size": 11}, "entrywidth": 0},
        margin={"l": 48, "r": 8, "t": 40, "b": 40},
    )
    return figure


def traces(numbers: NoiseNumbers) -> list[go.Scatter]:
    """Five traces that always exist, so that a live figure can take them over one by one."""
    ends = [_place(numbers, None) - _STEP / 2, _right(numbers) + _STEP / 4]
    attack = _curve("attack", "vermillion", "solid", "circle", *_values(numbers, "psnr"))
    attack.update(
        error_y=_spread(numbers),
        text=[_said(point) for point in numbers.points],
        hovertemplate="%{text}<extra></extra>",
    )
    return [
        attack,
        _level("pure noise", "grey", "dash", ends, numbers.floor),
        _level("blind guess", "blue", "dot", ends, numbers.blind),
        _curve("linear-layer law", "green", "dashdot", "diamond", *_values(numbers, "linear")),
        _curve("Cramér–Rao", "purple", "longdash", "square", *_values(numbers, "cramer_rao")),
    ]


def _point(result: Mapping[str, Any]) -> NoisePoint:
    return NoisePoint(
        noise=result["noise_multiplier"],
        psnr=result["psnr"],
        draws=tuple(result.get("psnr_draws") or ()),
        floor=result.get("floor_psnr"),
        linear=result.get("bound_linear"),
        cramer_rao=result.get("bound_crlb"),
        identified=result.get("bound_rero"),
    )


def _amount(result: Mapping[str, Any]) -> float:
    noise = result["noise_multiplier"]
    return -1.0 if noise is None else float(noise)


def _decades(numbers: NoiseNumbers) -> list[float]:
    return [math.log10(point.noise) for point in numbers.points if point.noise]


def _right(numbers: NoiseNumbers) -> float:
    return max([0.0, *_decades(numbers)])


def _place(numbers: NoiseNumbers, noise: float | None) -> float:
    """Where a noise multiplier stands: its logarithm, or a place left of all of them."""
    left = min([_LEAST_DECADE, *(math.floor(decade) for decade in _decades(numbers))])
    if noise is None:
        return left - 2 * _STEP
    return math.log10(noise) if noise else left - _STEP


def _axis(numbers: NoiseNumbers) -> dict[str, Any]:
    first = round(_place(numbers, 0.0) + _STEP)
    decades = range(first, math.ceil(_right(numbers)) + 1)
    return {
        "range": [_place(numbers, None) - _STEP / 2, _right(numbers) + _STEP / 4],
        "tickvals": [_place(numbers, None), _place(numbers, 0.0), *decades],
        "ticktext": ["no DP", "clipped", *(f"{10.0**decade:g}" for decade in decades)],
    }


def _values(numbers: NoiseNumbers, name: str) -> tuple[list[float], list[float]]:
    """Places and values of one curve, where it has any."""
    known = [point for point in numbers.points if getattr(point, name) is not None]
    values = [min(getattr(point, name), TOP_DECIBEL) for point in known]
    return [_place(numbers, point.noise) for point in known], values


def _curve(
    name: str, colour: str, dash: str, symbol: str, x: list[float], y: list[float]
) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, name=name, mode="lines+markers",
        line={"color": PALETTE[colour], "dash": dash, "width": 2},
        marker={"color": PALETTE[colour], "symbol": symbol, "size": 7},
        hovertemplate="%{y:.1f} dB" + f"<extra>{name}</extra>",
    )  # fmt: skip


def _level(name: str, colour: str, dash: str, ends: list[float], value: float | None) -> go.Scatter:
    return go.Scatter(
        x=ends, y=[] if value is None else [value] * 2, name=name, mode="lines",
        line={"color": PALETTE[colour], "dash": dash, "width": 2},
        hovertemplate="%{y:.1f} dB" + f"<extra>{name}</extra>",
    )  # fmt: skip


def _spread(numbers: NoiseNumbers) -> dict[str, Any]:
    """A bar from the worst to the best draw of noise."""
    shown = [min(point.psnr, TOP_DECIBEL) for point in numbers.points]
    reach = [point.draws or (point.psnr,) for point in numbers.points]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, max(r) - s) for r, s in zip(reach, shown, strict=True)],
        "arrayminus": [max(0.0, s - min(r)) for r, s in zip(reach, shown, strict=True)],
        "color": PALETTE["vermillion"],
        "thickness": 1.5,
    }


def _said(point: NoisePoint) -> str:
    noise = "no DP" if point.noise is None else f"σ = {point.noise:g}" if point.noise else "clipped"
    parts = [f"{noise}: {point.psnr:.1f} dB"]
    if len(point.draws) > 1:
        parts.append(
            f"{len(point.draws)} draws: {min(point.draws):.1f} to {max(point.draws):.1f} dB"
        )
    if point.identified is not None:
        parts.append(f"found among the candidates: at most {100 * point.identified:.2g} %")
    return "<br>".join(parts)
