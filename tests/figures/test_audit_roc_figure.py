"""The ROC of attacks on membership: rates as counted, a bound above, small samples greyed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_membership import STRENGTHS, WORDS, attacked
from scipy.stats import norm
from sklearn.metrics import roc_curve

from workbench.accounting.attacker import odds
from workbench.accounting.mechanism import Mechanism
from workbench.figures.audit_membership_page import membership_page
from workbench.figures.audit_roc import draw_roc, roc_numbers


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6))
def test_the_curves_are_those_of_an_independent_library(seed: int) -> None:
    result, arrays = attacked(units=200, seed=seed)
    for name, one in zip(STRENGTHS, roc_numbers(result, arrays).attacks, strict=True):
        fpr, tpr, _ = roc_curve(
            arrays["members"], arrays[f"{name}/scores"], drop_intermediate=False
        )
        np.testing.assert_allclose(one.curve.fpr, fpr)
        np.testing.assert_allclose(one.curve.tpr, tpr)


def test_the_guarantee_bounds_what_can_be_found() -> None:
    numbers = roc_numbers(*attacked(private=True))
    assert numbers.envelope is not None
    alphas, powers = numbers.envelope
    known = odds([Mechanism(noise_multiplier=1.0, sample_rate=0.05, steps=200)])
    at = np.interp([0.001, 0.01], alphas, powers)
    assert at == pytest.approx([known.reconstructed, known.found], rel=0.03)
    drawn = {trace.name: trace for trace in draw_roc(numbers).data}
    np.testing.assert_allclose(drawn["guaranteed at most"].y, powers)


@pytest.mark.parametrize("changes", [{"epsilon": "inf"}, {"unit": "slice"}])
def test_what_nobody_guarantees_to_those_attacked_has_no_bound(changes: dict[str, object]) -> None:
    result, arrays = attacked(private=True)
    result["claim"] |= changes
    numbers = roc_numbers(result, arrays)
    assert numbers.envelope is None
    bound = next(t for t in draw_roc(numbers).data if t.name == "guaranteed at most")
    assert len(bound.x or ()) == 0
    assert not bound.showlegend


def test_the_band_is_that_of_the_attack_that_finds_most() -> None:
    figure = draw_roc(roc_numbers(*attacked()))
    band = next(trace for trace in figure.data if trace.fill == "toself")
    assert band.name == "95 % of RMIA"
    half = len(band.x) // 2
    rmia = next(trace for trace in figure.data if trace.name == "RMIA")
    upper, lower = np.array(band.y[:half]), np.array(band.y[half:])[::-1]
    assert (lower <= np.array(rmia.y) + 1e-12).all()
    assert (np.array(rmia.y) <= upper + 1e-12).all()


@pytest.mark.parametrize(("units", "sure"), [(400, [False, False]), (2000, [True, False])])
def test_a_rate_behind_which_too_few_strangers_stand_is_hollow_and_grey(
    units: int, sure: list[bool]
) -> None:
    figure = draw_roc(roc_numbers(*attacked(units=units)))
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert len(marks) == len(STRENGTHS)
    for trace in marks:
        assert [not symbol.endswith("-open") for symbol in trace.marker.symbol] == sure
        assert [colour != "#767676" for colour in trace.marker.color] == sure or not any(sure)
        assert ["too few strangers" not in text for text in trace.text] == sure


def test_strong_and_weak_attacks_stand_where_their_strength_says() -> None:
    numbers = roc_numbers(*attacked(units=20_000))
    for attack, strength in zip(numbers.attacks, STRENGTHS.values(), strict=True):
        found = next(one for one in attack.found if one.at == 0.01)
        assert found.low - 0.05 <= norm.cdf(norm.ppf(0.01) + strength) <= found.high + 0.05


def test_both_axes_are_logarithmic_and_there_is_a_figure_of_nothing() -> None:
    for figure in (draw_roc(None), draw_roc(roc_numbers(*attacked()))):
        assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
        assert all(y > 0 for trace in figure.data for y in (trace.y if trace.y is not None else ()))


def test_the_page_holds_every_attack_and_its_words() -> None:
    page = membership_page(*attacked(units=2000))
    for words in (*WORDS, "RMIA", "found at 1 %", "found at 0.1 %", "in brackets"):
        assert words in page
