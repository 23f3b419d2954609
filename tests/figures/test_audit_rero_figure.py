"""Reconstruction: what was measured stands where it was counted, beside the bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_matching import WORDS, matched
from scipy.stats import beta, norm

from workbench.accounting.mechanism import Mechanism
from workbench.figures.audit_rero import draw_rero, rero_bound, rero_numbers
from workbench.figures.audit_rero_page import reconstruction_page

BOUND, BLIND = "at most, if the claim holds", "blind guess, γ = κ"


@settings(deadline=None, max_examples=25)
@given(st.integers(10, 500), st.data())
def test_points_and_whiskers_are_counts_and_their_intervals(
    trials: int, data: st.DataObject
) -> None:
    correct = data.draw(st.integers(1, trials))
    figure = draw_rero(rero_numbers(*matched(correct, trials // 2, trials=trials)))
    slices, trait = figure.data[2:]
    assert list(slices.x) == [1 / 64]
    assert list(trait.x) == [1 / 3]
    assert slices.y[0] == pytest.approx(correct / trials)
    start = 10 ** figure.layout.yaxis.range[0]
    low = beta.ppf(0.025, correct, trials - correct + 1)
    high = beta.ppf(0.975, correct + 1, trials - correct) if correct < trials else 1.0
    assert slices.y[0] - slices.error_y.arrayminus[0] == pytest.approx(max(low, start))
    assert slices.y[0] + slices.error_y.array[0] == pytest.approx(high)
    assert start < min(1 / 64, 1 / trials)


def test_what_was_never_right_stands_hollow_on_the_lower_end_and_is_counted() -> None:
    figure = draw_rero(rero_numbers(*matched(0)))
    slices = figure.data[2]
    assert slices.y[0] == 10 ** figure.layout.yaxis.range[0]
    assert slices.marker.symbol.endswith("-open")
    assert slices.error_y.arrayminus[0] == 0
    assert slices.name == "which of 64 slices: 0 of 100"
    assert (
        "0.0\N{NO-BREAK SPACE}% (0.0\N{NO-BREAK SPACE}% to 3.6\N{NO-BREAK SPACE}%)"
        in slices.text[0]
    )


def test_the_bound_passes_through_what_it_allows_at_the_points_and_ends_in_certainty() -> None:
    numbers = rero_numbers(*matched(mu=1.5))
    line = next(trace for trace in draw_rero(numbers).data if trace.name == BOUND)
    assert (np.diff(line.x) > 0).all()
    assert (np.diff(line.y) > 0).all()
    known = dict(zip(line.x, line.y, strict=True))
    assert known[1 / 64] == pytest.approx(norm.cdf(norm.ppf(1 / 64) + 1.5))
    assert known[1.0] == 1.0


def test_before_anything_was_attacked_there_is_the_claims_bound() -> None:
    numbers = rero_bound([Mechanism(noise_multiplier=2.0, sample_rate=1.0, steps=4)])
    np.testing.assert_allclose(numbers.gammas, norm.cdf(norm.ppf(numbers.kappas) + 1))
    assert [trace.name for trace in draw_rero(numbers).data] == [BLIND, BOUND]


def test_no_noise_bounds_nothing() -> None:
    numbers = rero_bound([Mechanism(noise_multiplier=0.0, sample_rate=1.0, steps=1)])
    assert (numbers.gammas == 1).all()


def test_an_attacker_above_the_bound_has_another_mark_and_words() -> None:
    below = draw_rero(rero_numbers(*matched(3))).data[2]
    above = draw_rero(rero_numbers(*matched(60))).data[2]
    assert (below.marker.symbol, above.marker.symbol) == ("circle", "x")
    assert below.marker.color != above.marker.color
    assert above.name.endswith("above the bound")
    assert "above" not in below.name


def test_a_success_that_may_be_chance_is_no_alarm() -> None:
    result, arrays = matched(20)
    assert result["identification"]["low"] > result["identification"]["bound"]
    assert result["caught_by"] == []
    assert draw_rero(rero_numbers(result, arrays)).data[2].marker.symbol == "circle"


def test_marks_differ_in_shape_and_both_axes_are_logarithmic_with_units() -> None:
    figure = draw_rero(rero_numbers(*matched()))
    assert figure.data[2].marker.symbol != figure.data[3].marker.symbol
    for drawn in (figure, draw_rero(None)):
        for axis in (drawn.layout.xaxis, drawn.layout.yaxis):
            assert axis.type == "log"
            assert "probability" in axis.title.text


def test_the_page_holds_counts_bounds_words_and_the_claim() -> None:
    page = reconstruction_page(*matched())
    for words in (*WORDS, "3 of 100", "its class: 40 of 100", "Reconstruction: no violation found",
                  "100 trainings through bookkeeping", "(4.77, 1e-05)-DP per slice"):  # fmt: skip
        assert words in page
    assert "above the bound" not in page
    assert "above the bound" in reconstruction_page(*matched(60))


@pytest.mark.slow
def test_a_real_attack_can_be_drawn() -> None:
    from workbench.auditing.robustness.config import MatchingConfig
    from workbench.auditing.robustness.matching import match
    from workbench.runs.events import Finished

    *_, last = match(MatchingConfig(steps=1, trials=10, candidates=4, size=16))
    assert isinstance(last, Finished)
    guesses = rero_numbers(last.result, last.arrays).guesses
    assert [guess.name for guess in guesses] == ["which of 4 slices", "its class"]
    assert "10 trainings" in reconstruction_page(last.result, last.arrays)
    kappas, gammas = last.arrays["kappas"], last.arrays["gammas"]
    np.testing.assert_allclose(gammas, norm.cdf(norm.ppf(kappas) + 1), rtol=1e-9)
