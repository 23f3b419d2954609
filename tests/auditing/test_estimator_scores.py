"""From signals to counts: the likelihood-ratio score, thresholds by rank, and guesses."""

import math

import numpy as np
import pytest
from audited import Signals, claim_of, counted, drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import exp, log, mpf
from scipy.stats import ks_2samp

from workbench.accounting.trade_off import trade_off
from workbench.auditing.estimators.design import Design, rank
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.likelihood import likelihood_ratios, noise_level
from workbench.auditing.estimators.reading import evidence_of, scores_of
from workbench.errors import BadInput

DESIGN = Design(
    canaries=400,
    nulls=800,
    few_alarms=0.01,
    many_alarms=0.2,
    steinke=(40, 340),
    one_run=(100,),
    noise_multiplier=1.0,
)


def read(seed: int = 0, **changes: float) -> Evidence:
    seen = drawn(seed, canaries=400, nulls=800, **changes)  # type: ignore[arg-type]
    return counted(seen, DESIGN)


@settings(deadline=None, max_examples=50)
@given(
    noise=st.floats(0.05, 10),
    rate=st.floats(1e-4, 1),
    signals=st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=5),
)
def test_the_score_is_the_logarithm_of_two_densities(
    noise: float, rate: float, signals: list[float]
) -> None:
    def density(place: float) -> mpf:
        return exp(-((mpf(place)) ** 2) / (2 * mpf(noise) ** 2))

    expected = sum(log((1 - mpf(rate)) + mpf(rate) * density(s - 1) / density(s)) for s in signals)
    found = likelihood_ratios(np.array(signals, np.float32)[:, None], noise=noise, sample_rate=rate)
    assert found[0] == pytest.approx(float(expected), rel=1e-6, abs=1e-6)


def test_scores_do_not_depend_on_how_many_are_taken_at_once() -> None:
    seen = drawn(3, canaries=10, nulls=5000, steps=20)
    at_once = likelihood_ratios(seen.signals, noise=1.0, sample_rate=0.05)
    singly = [
        likelihood_ratios(seen.signals[:, [n]], noise=1.0, sample_rate=0.05)[0]
        for n in (0, 9, 2047, 2048, 5009)
    ]
    np.testing.assert_allclose(at_once[[0, 9, 2047, 2048, 5009]], singly, rtol=1e-12)


def test_the_noise_is_told_from_nulls() -> None:
    seen = drawn(2, canaries=2, nulls=2000, noise=0.7)
    assert noise_level(seen.signals[:, 2:]) == pytest.approx(0.7, rel=0.01)


def test_false_alarms_are_as_many_as_the_rank_says() -> None:
    found = read()
    assert found.many_alarms.outsiders == 700 + 400 - found.many_alarms.members
    for errors, alarms in (found.many_alarms, 0.2), (found.few_alarms, 0.01):
        assert errors.false_alarms == rank(alarms, errors.outsiders) - 1
        assert errors.false_alarms / errors.outsiders == pytest.approx(alarms, abs=2e-3)
    assert rank(1e-9, 100) == 1
    assert rank(0.999999, 100) == 100


def test_misses_are_the_members_no_higher_than_the_threshold() -> None:
    seen = drawn(6, canaries=400, nulls=800)
    scores = scores_of(seen.signals, design=DESIGN, sample_rate=0.05)
    canaries, nulls = scores[:400], scores[400:][~DESIGN.calibrating]
    outsiders = [*canaries[~seen.members], *nulls]
    found = counted(seen, DESIGN)
    for errors in found.many_alarms, found.few_alarms:
        threshold = sorted(outsiders)[-1 - errors.false_alarms]
        assert sum(score > threshold for score in outsiders) == errors.false_alarms
        assert sum(score <= threshold for score in canaries[seen.members]) == errors.misses


def test_errors_of_a_correct_training_lie_on_its_trade_off_curve() -> None:
    curve = trade_off(claim_of().mechanism)
    found = [read(seed) for seed in range(40)]
    for name in ("many_alarms", "few_alarms"):
        errors = [getattr(each, name) for each in found]
        missed = sum(each.misses for each in errors) / sum(each.members for each in errors)
        alpha = np.mean([(each.false_alarms + 1) / (each.outsiders + 1) for each in errors])
        assert missed == pytest.approx(float(curve.at(alpha)), abs=0.03)


def test_guesses_are_the_surest_scores_of_either_kind() -> None:
    seen = drawn(7, canaries=400, nulls=800)
    found = counted(seen, DESIGN)
    order = np.argsort(scores_of(seen.signals, design=DESIGN, sample_rate=0.05)[:400])
    for guesses in (*found.steinke, *found.one_run):
        half = guesses.made // 2
        right = (~seen.members[order[:half]]).sum() + seen.members[order[-half:]].sum()
        assert guesses.correct == right
    assert [each.made for each in found.steinke] == [40, 340]


@pytest.mark.parametrize("scale", [1e-3, 0.5, 1.0, 100.0])
def test_counts_are_as_good_when_every_signal_has_another_size(scale: float) -> None:
    """A divisor that is off changes no epsilon; the threshold follows the nulls."""
    found = read(0, scale=scale).many_alarms
    as_claimed = read(0).many_alarms
    assert found.false_alarms == as_claimed.false_alarms
    assert abs(found.misses - as_claimed.misses) <= 1  # the last digits differ


def test_gross_leaks_are_seen_at_once() -> None:
    found = read(0, noise=0.02)
    assert found.many_alarms.misses == 0
    assert found.few_alarms.misses == 0
    assert [each.correct for each in found.steinke] == [40, 340]
    assert read(0, noise=0.0).many_alarms.misses == 0


def test_the_same_noise_in_every_step_hides_the_canaries_from_a_sum() -> None:
    seen = drawn(5, canaries=400, nulls=800, steps=1, noise=1.0, rate=1.0)
    repeated = np.repeat(seen.signals, 50, axis=0)
    again = Signals(repeated, seen.members, np.repeat(seen.included, 50, axis=0))
    found = counted(again, DESIGN, rate=1.0)
    single = counted(seen, DESIGN, rate=1.0)
    assert found.many_alarms == single.many_alarms


def test_calibrating_nulls_are_no_outsiders() -> None:
    """Whatever happens on them moves the score's noise level only."""
    seen = drawn(4, canaries=400, nulls=800)
    changed = seen.signals.copy()
    changed[:, 400:][:, DESIGN.calibrating] *= -1
    before = counted(seen, DESIGN)
    after = counted(Signals(changed, *seen[1:]), DESIGN)
    assert before.many_alarms == after.many_alarms
    assert before.steinke == after.steinke


def test_members_are_scored_alike_whether_a_column_is_first_or_last() -> None:
    seen = drawn(8, canaries=400, nulls=800)
    order = np.random.default_rng(0).permutation(400)
    signals = np.concatenate((seen.signals[:, order], seen.signals[:, 400:]), axis=1)
    shuffled = counted(Signals(signals, seen.members[order], seen.included[:, order]), DESIGN)
    straight = counted(seen, DESIGN)
    assert shuffled.many_alarms == straight.many_alarms
    assert shuffled.one_run == straight.one_run


def test_nulls_and_non_members_have_the_same_law() -> None:
    seen = drawn(9, canaries=3000, nulls=3000, steps=50)
    scores = likelihood_ratios(seen.signals, noise=1.0, sample_rate=0.05)
    assert ks_2samp(scores[:3000][~seen.members], scores[3000:]).pvalue > 1e-3


def test_what_does_not_fit_is_refused() -> None:
    seen, scores = drawn(0, canaries=400, nulls=800, steps=3), np.zeros(1200)
    with pytest.raises(BadInput, match="400 canaries and 800 null") as refusal:
        evidence_of(seen.signals[:, 1:], *seen[1:], scores, design=DESIGN)
    assert refusal.value.field == "signals"
    with pytest.raises(BadInput, match="shape"):
        evidence_of(seen.signals[:0], seen.members, seen.included[:0], scores, design=DESIGN)
    for everybody, word in (True, "All"), (False, "None"):
        members = np.full(400, everybody)
        with pytest.raises(BadInput, match=f"{word} of the 400 canaries took part"):
            evidence_of(seen.signals, members, seen.included, scores, design=DESIGN)
    broken = seen.signals.copy()
    broken[1, 5] = math.nan
    with pytest.raises(BadInput, match="not finite"):
        evidence_of(broken, *seen[1:], scores, design=DESIGN)
