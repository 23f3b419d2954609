"""Attacks on membership against slow, independent readings of the papers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from workbench.auditing.membership.calibrated import calibrated_loss
from workbench.auditing.membership.catalogue import ATTACKS, scores_of
from workbench.auditing.membership.lira import OWN_SPREAD_FROM, lira_offline, lira_online
from workbench.auditing.membership.rmia import rmia
from workbench.auditing.membership.signals import Signals
from workbench.auditing.membership.threshold import loss_threshold
from workbench.errors import BadInput


def heard(models: int = 6, units: int = 40, *, seed: int = 0, memory: float = 1.0) -> Signals:
    """Signals of models that remember by so much whom they trained on."""
    generator = np.random.default_rng(seed)
    halves = generator.random((models // 2, units)) < 0.5
    trained_on = np.concatenate([halves, ~halves])
    difficulty, theirs = generator.normal(0, 2, units), generator.normal(0, 2, 30)
    members = generator.random(units) < 0.5
    return Signals(
        target=difficulty + memory * members + generator.normal(0, 0.5, units),
        references=difficulty + memory * trained_on + generator.normal(0, 0.5, trained_on.shape),
        trained_on=trained_on,
        population=theirs + generator.normal(0, 0.5, 30),
        population_references=theirs + generator.normal(0, 0.5, (models, 30)),
    )


def spread_of(signals: Signals, unit: int, inside: bool) -> float:
    """One unit's own standard deviation, or with few references that of all units together."""
    if len(signals.references) >= OWN_SPREAD_FROM:
        own = signals.references[signals.trained_on[:, unit] == inside, unit]
        return float(np.std(own, ddof=1))
    squares, freedom = 0.0, 0
    for each in range(len(signals.target)):
        own = signals.references[signals.trained_on[:, each] == inside, each]
        squares += sum((value - own.mean()) ** 2 for value in own)
        freedom += len(own) - 1
    return math.sqrt(squares / freedom)


def law(signals: Signals, unit: int, inside: bool) -> object:
    own = signals.references[signals.trained_on[:, unit] == inside, unit]
    return norm(own.mean(), spread_of(signals, unit, inside))


@pytest.mark.parametrize("models", [4, 8, OWN_SPREAD_FROM])
def test_lira_is_the_ratio_of_two_normal_laws(models: int) -> None:
    signals = heard(models, 12)
    online = [
        law(signals, unit, True).logpdf(value) - law(signals, unit, False).logpdf(value)
        for unit, value in enumerate(signals.target)
    ]
    offline = [law(signals, unit, False).logcdf(v) for unit, v in enumerate(signals.target)]
    assert lira_online(signals) == pytest.approx(online, abs=1e-6)
    assert lira_offline(signals) == pytest.approx(offline, abs=1e-6)


@pytest.mark.parametrize("offline_a", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_rmia_is_the_share_of_strangers_that_are_favoured_less(
    offline_a: float, gamma: float
) -> None:
    signals = heard(6, 15)

    def on_average(outside: np.ndarray) -> float:
        return 0.5 * ((1 + offline_a) * float(np.mean(outside)) + (1 - offline_a))

    expected = []
    for unit, value in enumerate(signals.target):
        outside = expit(signals.references[~signals.trained_on[:, unit], unit])
        favoured = expit(value) / on_average(outside)
        ratios = [
            favoured / (expit(theirs) / on_average(expit(signals.population_references[:, z])))
            for z, theirs in enumerate(signals.population)
        ]
        expected.append(np.mean([ratio > gamma for ratio in ratios]))
    assert rmia(signals, offline_a=offline_a, gamma=gamma) == pytest.approx(expected, abs=1e-6)


def test_rmia_orders_units_that_beat_the_whole_population() -> None:
    signals = heard()
    blind = replace(signals, population=np.full(30, -20.0))
    scores = rmia(blind, offline_a=0.3)
    assert scores.min() >= 1.0
    assert len(np.unique(scores)) == len(scores)


def test_the_simple_attacks_are_a_signal_and_its_excess_over_the_references() -> None:
    signals = heard()
    means = [np.mean(column) for column in signals.references.T]
    assert loss_threshold(signals) == pytest.approx(signals.target)
    assert calibrated_loss(signals) == pytest.approx(signals.target - means, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(0, 39), more=st.floats(0.01, 5))
def test_no_attack_thinks_less_of_a_unit_that_the_target_fits_better(
    seed: int, number: int, more: float
) -> None:
    signals = heard(4, seed=seed)
    better = signals.target.copy()
    better[number] += more
    first = scores_of(signals, offline_a=0.3)
    second = scores_of(replace(signals, target=better), offline_a=0.3)
    for name in set(ATTACKS) - {"lira-online"}:  # its two laws may have different spreads
        assert second[name][number] >= first[name][number]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_references_does_not_matter(seed: int) -> None:
    signals = heard(8, seed=seed)
    turn = np.random.default_rng(seed).permutation(8)
    turned = replace(
        signals,
        references=signals.references[turn],
        trained_on=signals.trained_on[turn],
        population_references=signals.population_references[turn],
    )
    after = scores_of(turned, offline_a=0.3)
    for name, scores in scores_of(signals, offline_a=0.3).items():
        assert after[name] == pytest.approx(scores, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"trained_on": np.ones((6, 40), dtype=bool)},
            "no reference that trained on them, or none",
        ),
        ({"target": np.full(40, np.nan)}, "A signal of the target is not a number"),
        ({"target": np.zeros(39)}, "must be of the same units"),
        ({"population_references": np.zeros((6, 2))}, "must be of the same units"),
    ],
)
def test_signals_that_cannot_be_compared_are_refused(
    change: dict[str, np.ndarray], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        replace(heard(), **change)
