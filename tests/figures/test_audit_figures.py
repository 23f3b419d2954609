"""The figures of an audit: what they show is what was measured, and alarm is not colour alone."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_audit import EPSILON, RUNGS, UNITS, arrays, audited
from scipy.stats import norm

from workbench.figures.audit_ladder import draw_ladder, ladder_numbers, said
from workbench.figures.audit_laws import draw_laws, laws_numbers
from workbench.figures.audit_page import CAUGHT, KNOWN, PASSED, audit_page, findings_html
from workbench.figures.audit_trade_off import draw_trade_off, trade_off_numbers

# The ladder.


def test_the_ladder_climbs_from_the_weakest_assumption_to_the_accountant() -> None:
    numbers = ladder_numbers(audited())
    assert [rung.epsilon for rung in numbers.rungs[:-1]] == [one[0] for one in RUNGS.values()]
    assert numbers.rungs[-1].epsilon == numbers.claimed == EPSILON
    figure = draw_ladder(numbers)
    low, high = figure.layout.yaxis.range
    assert low > high, "the first rung stands on top"
    assert list(figure.layout.yaxis.tickvals) == sorted(figure.layout.yaxis.tickvals)
    shown = zip(figure.layout.yaxis.ticktext, numbers.rungs, strict=True)
    for words, rung in shown:
        assert rung.label in words
        assert rung.assumption.split()[0] in words


def test_a_bar_its_ceiling_and_what_is_usual_stand_at_their_numbers() -> None:
    figure = draw_ladder(ladder_numbers(audited()))
    drawn = {trace.name: list(trace.x) for trace in figure.data}
    assert drawn["shown"] == [one[0] for one in RUNGS.values()]
    assert drawn["could show at most"] == [one[1] for one in RUNGS.values()]
    assert drawn["correct code shows"] == [one[2] for one in RUNGS.values()]
    assert drawn["claimed"] == [EPSILON]
    assert figure.layout.shapes[0].x0 == EPSILON
    assert figure.layout.xaxis.title.text == "ε per slice at δ = 1e-05"


def test_a_bar_above_the_claim_is_hatched_and_said() -> None:
    figure = draw_ladder(ladder_numbers(audited("end-to-end")))
    drawn = {trace.name: trace for trace in figure.data}
    assert list(drawn["shown, above the claim"].x) == [7.41]
    assert drawn["shown, above the claim"].marker.pattern.shape == "x"
    assert not drawn["shown"].marker.pattern.shape
    words = [note.text for note in figure.layout.annotations]
    assert "<b>ε ≥ 7.41 falsifies the claim</b>" in words


def test_a_bar_above_the_claim_that_may_be_chance_does_not_falsify() -> None:
    result = audited()
    result["ladder"][4] |= {"epsilon": 4.9, "p_value": 0.03}
    words = [note.text for note in draw_ladder(ladder_numbers(result)).layout.annotations]
    assert "ε ≥ 4.90 above the claim, by chance? (p = 0.03)" in words
    assert not any("falsifies" in text for text in words)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.one_of(st.floats(0, 1e4), st.just(math.inf)), min_size=5, max_size=5))
def test_every_bar_ends_on_the_axis_and_says_its_number(epsilons: list[float]) -> None:
    result = audited()
    for one, epsilon in zip(result["ladder"], epsilons, strict=True):
        one["epsilon"] = one["ceiling"] = epsilon
    figure = draw_ladder(ladder_numbers(result))
    end = figure.layout.xaxis.range[1]
    for trace in figure.data:
        assert all(0 <= x <= end for x in trace.x)
    words = " ".join(note.text for note in figure.layout.annotations)
    assert all(f"ε ≥ {said(epsilon)}" in words for epsilon in epsilons)


@given(st.floats(0, 1e6))
def test_a_lower_bound_is_never_rounded_up(epsilon: float) -> None:
    assert float(said(epsilon)) <= epsilon + 1e-8
    assert float(said(epsilon)) >= epsilon - 0.01001


def test_the_empty_ladder_has_the_same_traces() -> None:
    empty, full = draw_ladder(None), draw_ladder(ladder_numbers(audited()))
    assert [type(trace) for trace in empty.data] == [type(trace) for trace in full.data]
    assert [trace.name for trace in empty.data] == [trace.name for trace in full.data]


# The trade-off curve.


@pytest.mark.parametrize("below", [False, True])
def test_a_point_that_the_claim_forbids_has_another_mark_and_words(below: bool) -> None:
    numbers = trade_off_numbers(arrays(below=below))
    assert [point.below for point in numbers.points] == [below]
    marks = [trace for trace in draw_trade_off(numbers).data if trace.mode == "markers"]
    shown = {trace.marker.symbol: list(trace.x) for trace in marks}
    assert shown == ({"circle": [], "x": [0.05]} if below else {"circle": [0.05], "x": []})
    told = " ".join(text for trace in marks for text in trace.text)
    assert ("below the curve" in told) == below


@given(st.floats(0.001, 0.9), st.floats(0.001, 0.099), st.floats(-0.2, 0.2))
def test_a_point_is_forbidden_where_its_whole_rectangle_is(
    alpha: float, width: float, shift: float
) -> None:
    known = arrays()
    high = alpha + width
    line = float(np.interp(high, known["trade_off/alpha"], known["trade_off/beta"]))
    top = max(line + shift, 0.0)
    points = {
        "alpha": alpha, "alpha_low": alpha, "alpha_high": high,
        "beta": top, "beta_low": 0.0, "beta_high": top,
    }  # fmt: skip
    known |= {f"points/{name}": np.array([value]) for name, value in points.items()}
    assert trade_off_numbers(known).points[0].below == (top < line)


def test_the_rectangle_has_the_intervals_as_sides() -> None:
    known = arrays()
    outline = draw_trade_off(trade_off_numbers(known)).data[2]
    assert outline.fill == "toself"
    corners = [x for x in outline.x if x is not None], [y for y in outline.y if y is not None]
    for name, values in zip(("alpha", "beta"), corners, strict=True):
        ends = known[f"points/{name}_low"][0], known[f"points/{name}_high"][0]
        assert (min(values), max(values)) == ends


# Noise and sampler.


def test_both_laws_have_as_many_draws_as_were_seen() -> None:
    numbers = laws_numbers(audited(), arrays())
    for law in numbers:
        assert law.expected.sum() == pytest.approx(law.counts.sum(), rel=4e-3)
        np.testing.assert_allclose(law.expected, law.counts, atol=3e-3 * law.counts.max())


def test_too_little_noise_stands_above_the_law_in_its_middle() -> None:
    law = laws_numbers(audited(), arrays(noise=0.8)).noise
    middle = len(law.counts) // 2
    assert law.counts[middle] > 1.2 * law.expected[middle]
    density = law.expected[middle] / law.expected.sum() / np.diff(law.edges)[middle]
    assert density == pytest.approx(norm.pdf(0.1), rel=0.01)


def test_the_sampler_is_held_against_all_units_and_the_claimed_rate() -> None:
    law = laws_numbers(audited(), arrays()).sampler
    middles = (law.edges[1:] + law.edges[:-1]) / 2
    mean = (middles * law.expected).sum() / law.expected.sum()
    assert mean == pytest.approx((UNITS + 1012) * 0.05, rel=1e-3)


def test_a_shuffle_stands_alone_in_the_middle_of_the_law() -> None:
    known = arrays() | {
        "sampler/edges": np.array([75.5, 76.5]), "sampler/counts": np.array([200]),
    }  # fmt: skip
    law = laws_numbers(audited(), known).sampler
    assert law.counts.max() == law.counts.sum() == 200
    assert law.expected.max() < 60
    assert law.edges[0] < 60 < 90 < law.edges[-1]


def test_laws_and_curves_can_be_drawn_before_there_is_anything() -> None:
    for empty, full in (
        (draw_laws(None), draw_laws(laws_numbers(audited(), arrays()))),
        (draw_trade_off(None), draw_trade_off(trade_off_numbers(arrays()))),
    ):
        assert [trace.type for trace in empty.data] == [trace.type for trace in full.data]
        assert empty.layout.xaxis.title.text
        assert empty.layout.yaxis.title.text


# The page.


def test_the_page_says_the_verdict_every_test_and_what_it_means_for_a_person() -> None:
    page = audit_page(audited(), arrays())
    for words in (
        "No violation found; this test would have noticed 5 % too little noise",
        "Fair coins decided who took part", PASSED, "at most 4.77", "noise 20 % low",
        "667 of 1,000", "can falsify a claim and never prove it",
    ):  # fmt: skip
        assert words in page
    assert "verified" not in page
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(https?:)?//', markup)


def test_the_page_of_a_falsified_claim_names_the_test_and_promises_nothing() -> None:
    page = audit_page(audited("sensitivity-natural"), arrays(below=True))
    assert "Privacy audit: claim falsified" in page
    assert page.index(CAUGHT) < page.index(PASSED)
    assert "Nothing can be said: the claim is falsified" in page
    assert "of 1,000" not in page


def test_what_was_accepted_beforehand_is_not_called_passed() -> None:
    page = audit_page(audited(accepted=["nan-voxel"]), arrays())
    assert page.count(KNOWN) == 1
    assert page.count(PASSED) == 3


def test_under_an_exercise_stands_what_caught_the_bug_and_how_the_bars_stood() -> None:
    told = findings_html(audited("per-step"))
    assert told.count(CAUGHT) == 1
    assert "ε ≥ 7.41, where 4.77 is claimed." in told
    assert f"{len(RUNGS) - 1 + 4} other tests saw nothing" in told
    assert "<table" not in findings_html(audited())
