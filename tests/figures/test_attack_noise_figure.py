"""The figure of noise shows what an attack reached, its floor, and what bounds it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.figures.attack_noise import TOP_DECIBEL, draw_noise, noise_numbers, traces


def result(noise: float | None, psnr: float, **more: Any) -> dict[str, Any]:
    return {"noise_multiplier": noise, "psnr": psnr, "baseline_psnr": 10.0, **more}


RESULTS = [
    result(0.1, 12.0, bound_linear=-9.0, bound_crlb=14.0, bound_rero=0.4),
    result(None, 155.3),
    result(1.0, 9.0, floor_psnr=8.5, psnr_draws=[9.0, 8.0, 11.0]),
    result(0.0, 40.0),
]


def by_name(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {trace.name: trace for trace in traces(noise_numbers(results))}


def test_attacks_stand_in_order_of_noise_and_what_is_exact_stands_at_the_top() -> None:
    attack = by_name(RESULTS)["attack"]
    assert list(attack.y) == [TOP_DECIBEL, 40.0, 12.0, 9.0]
    assert list(attack.x) == sorted(attack.x)
    assert list(attack.x)[2:] == [math.log10(0.1), 0.0]


def test_no_dp_and_clipping_have_places_of_their_own_left_of_the_logarithm() -> None:
    axis = draw_noise(noise_numbers(RESULTS)).layout.xaxis
    labels = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert labels["no DP"] < labels["clipped"] < labels["0.001"]
    assert labels["0.1"] == -1
    assert axis.range[0] < labels["no DP"]


def test_less_noise_than_usual_moves_them_further_left() -> None:
    axis = draw_noise(noise_numbers([result(1e-5, 50.0), result(0.0, 60.0)])).layout.xaxis
    labels = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert labels["clipped"] < -5
    assert labels["1e-05"] == -5


def test_floor_and_blind_guess_reach_over_the_whole_axis() -> None:
    drawn = by_name(RESULTS)
    assert list(drawn["pure noise"].y) == [8.5, 8.5]
    assert list(drawn["blind guess"].y) == [10.0, 10.0]
    assert drawn["pure noise"].x[0] < min(drawn["attack"].x)


def test_a_bound_stands_where_it_says_something() -> None:
    drawn = by_name(RESULTS)
    assert list(drawn["linear-layer law"].y) == [-9.0]
    assert list(drawn["Cramér–Rao"].x) == [-1.0]


def test_the_spread_of_the_draws_is_a_bar() -> None:
    bar = by_name(RESULTS)["attack"].error_y
    assert bar.array[3] == pytest.approx(2.0)
    assert bar.arrayminus[3] == pytest.approx(1.0)
    assert bar.array[2] == bar.arrayminus[2] == 0


def test_the_pointer_finds_the_risk_of_being_identified() -> None:
    said = by_name(RESULTS)["attack"].text
    assert "at most 40 %" in said[2]
    assert "3 draws: 8.0 to 11.0 dB" in said[3]


def test_nothing_attacked_yet_is_an_empty_figure_with_the_same_traces() -> None:
    empty = draw_noise(noise_numbers([]))
    assert [trace.name for trace in empty.data] == list(by_name(RESULTS))
    assert not any(len(trace.y) for trace in empty.data)
    assert empty.layout.yaxis.title.text == "PSNR (dB)"


def test_curves_differ_in_more_than_colour() -> None:
    assert len({trace.line.dash for trace in traces(noise_numbers([]))}) == 5
