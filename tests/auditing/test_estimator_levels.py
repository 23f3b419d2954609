"""2,000 simulated audits of correct trainings: no estimator errs more often than it says."""

from __future__ import annotations

import numpy as np
import pytest
from audited import claim_of
from scipy.stats import binomtest

from workbench.accounting.trade_off import TradeOff, trade_off
from workbench.auditing.estimators import clopper_pearson
from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.design import Design, rank
from workbench.auditing.estimators.estimates import epsilons, p_values
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.gaussian import mu_bound
from workbench.auditing.estimators.per_step import Moments
from workbench.auditing.estimators.plan import make_plan
from workbench.auditing.estimators.steinke import Guesses

AUDITS = 2000
LEVELS = (0.05, 0.01, 1e-3)


def inverse(curve: TradeOff) -> tuple[np.ndarray, np.ndarray]:
    """False-positive rates and the share of members found at each, to draw members' ranks from."""
    alphas = np.concatenate((np.geomspace(1e-9, 0.01, 2000), np.linspace(0.0101, 1, 4000)))
    return 1 - curve.at(alphas), alphas


def audited(random: np.random.Generator, design: Design, found: np.ndarray, alphas: np.ndarray,
            noise: float, rate: float, steps: int) -> Evidence:  # fmt: skip
    """An audit's counts, from scores that are as good as any can be.

    An outsider's score is a uniform number, its own false-positive rate; a member's has the
    trade-off curve as its law.
    """
    members = random.random(design.canaries) < 0.5
    scores = random.random(design.canaries)
    scores[members] = np.interp(random.random(int(members.sum())), found, alphas)
    nulls = random.random(design.nulls - int(design.calibrating.sum()))
    outsiders = np.sort(np.concatenate((nulls, scores[~members])))
    ordered = members[np.argsort(scores)]

    def errors(alarms: float) -> Errors:
        nth = rank(alarms, len(outsiders))
        return Errors(
            false_alarms=nth - 1, outsiders=len(outsiders),
            misses=int((scores[members] >= outsiders[nth - 1]).sum()), members=int(members.sum()),
        )  # fmt: skip

    def guesses(made: int) -> Guesses:
        half = made // 2
        return Guesses(int(ordered[:half].sum() + (~ordered[-half:]).sum()), made)

    taken = random.binomial(steps * int(members.sum()), rate)
    others = steps * (design.canaries + design.nulls) - taken
    spread = noise * np.sqrt(
        [random.chisquare(taken - 1) / (taken - 1), random.chisquare(others - 1) / (others - 1)]
    )
    return Evidence(
        steps=steps,
        canaries=design.canaries,
        few_alarms=errors(design.few_alarms),
        many_alarms=errors(design.many_alarms),
        steinke=tuple(guesses(made) for made in design.steinke),
        one_run=tuple(guesses(made) for made in design.one_run),
        moments=Moments(
            taken=taken,
            taken_mean=1 + noise * random.standard_normal() / np.sqrt(taken),
            taken_deviation=float(spread[0]),
            others=others,
            others_mean=noise * random.standard_normal() / np.sqrt(others),
            others_deviation=float(spread[1]),
        ),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.0, 0.05, 60), (3.0, 1.0, 10)], ids=["sampled", "full batches"]
)
def test_correct_trainings_are_refuted_no_more_often_than_the_level(
    noise: float, rate: float, steps: int
) -> None:
    random = np.random.default_rng(2026)
    claim = claim_of(noise=noise, rate=rate, steps=steps)
    design = make_plan(claim, canaries=300, nulls=700).design
    found, alphas = inverse(trade_off(claim.mechanism))
    doubts = [
        p_values(audited(random, design, found, alphas, noise, rate, steps), claim)
        for _ in range(AUDITS)
    ]
    for name in doubts[0]:
        values = np.array([each[name] for each in doubts])
        for level in LEVELS:
            wrong = int((values <= level).sum())
            assert binomtest(wrong, AUDITS, level, "greater").pvalue > 1e-3, (name, level)
    # Those two are exact, and so refute as often as they may.
    for name in ("end-to-end", "per-step"):
        wrong = int(np.sum([each[name] <= 0.05 for each in doubts]))
        assert binomtest(wrong, AUDITS, 0.05, "less").pvalue > 1e-3, name


@pytest.mark.slow
def test_bounds_lie_above_the_truth_no_more_often_than_the_level() -> None:
    random = np.random.default_rng(7)
    claim = claim_of(steps=60)
    design = make_plan(claim, canaries=300, nulls=700).design
    found, alphas = inverse(trade_off(claim.mechanism))
    bounds = [
        epsilons(audited(random, design, found, alphas, 1.0, 0.05, 60), claim, 0.05)
        for _ in range(60)
    ]
    for name in bounds[0]:
        wrong = sum(each[name] > claim.epsilon for each in bounds)
        assert binomtest(wrong, len(bounds), 0.05, "greater").pvalue > 1e-3, name


@pytest.mark.parametrize("mu", [0.5, 2.0])
def test_error_counts_alone_keep_their_level(mu: float) -> None:
    """Fixed thresholds and independent trials of a Gaussian mechanism, 2,000 times."""
    from scipy.special import ndtr

    from workbench.auditing.estimators.gaussian import epsilon_of

    random = np.random.default_rng(1)
    truth = epsilon_of(mu, 1e-5)
    alarms = random.binomial(300, ndtr(-mu / 2), AUDITS)
    misses = random.binomial(200, ndtr(-mu / 2), AUDITS)
    audits = [
        Errors(false_alarms=int(k0), outsiders=300, misses=int(k1), members=200)
        for k0, k1 in zip(alarms, misses, strict=True)
    ]
    too_high = sum(mu_bound(each, 0.05) > mu for each in audits)
    assert binomtest(too_high, AUDITS, 0.05, "greater").pvalue > 1e-3
    too_high = sum(clopper_pearson.epsilon_bound(each, 1e-5, 0.05) > truth for each in audits)
    assert binomtest(too_high, AUDITS, 0.05, "greater").pvalue > 1e-3
