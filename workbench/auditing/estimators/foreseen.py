"""What an audit will find if nobody is lucky, where the mechanism is as it is said to be."""

from __future__ import annotations

from functools import partial

from scipy.optimize import brentq

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.trade_off import TradeOff, trade_off
from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.design import Design, rank
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.per_step import Moments
from workbench.auditing.estimators.steinke import Guesses


def expected_evidence(mechanism: Mechanism, design: Design) -> Evidence:
    """The evidence of a correct training in the middle of what chance makes of it.

    The likelihood ratio is the best score there is, so that its errors lie on the trade-off curve.

    Args:
        mechanism: what is trained; noise 0 shows the most that the design can find.
        design: sizes and thresholds.
    """
    curve = trade_off(mechanism)
    errors = partial(expected_errors, curve, design.members, design.outsiders)
    return Evidence(
        steps=mechanism.steps,
        canaries=design.canaries,
        few_alarms=errors(design.few_alarms),
        many_alarms=errors(design.many_alarms),
        steinke=tuple(expected_guesses(curve, design.canaries, r) for r in design.steinke),
        one_run=tuple(expected_guesses(curve, design.canaries, r) for r in design.one_run),
        moments=_moments(mechanism, design),
    )


def expected_errors(curve: TradeOff, members: int, outsiders: int, alarms: float) -> Errors:
    """Errors at the threshold that this rate of false alarms gives."""
    nth = rank(alarms, outsiders)
    missed = float(curve.at(nth / (outsiders + 1)))
    return Errors(
        false_alarms=nth - 1,
        outsiders=outsiders,
        misses=round(members * missed),
        members=members,
    )


def expected_guesses(curve: TradeOff, canaries: int, made: int) -> Guesses:
    """Correct ones among ``made``, half of them for the highest scores and half for the lowest."""
    share = made / (2 * canaries)

    def accused(alpha: float) -> float:
        """Share of all canaries with scores above the threshold with this false-positive rate."""
        return (alpha + 1 - float(curve.at(alpha))) / 2

    def threshold(part: float) -> float:
        found = accused(0.0) < part
        return float(brentq(lambda alpha: accused(alpha) - part, 0.0, 1.0)) if found else 0.0

    highest = min(share, (1 - float(curve.at(threshold(share)))) / 2)
    lowest = (1 - threshold(1 - share)) / 2
    return Guesses(min(made, round(canaries * (highest + lowest))), made)


def _moments(mechanism: Mechanism, design: Design) -> Moments:
    signals = mechanism.steps * (design.canaries + design.nulls)
    taken = max(2, round(mechanism.sample_rate * mechanism.steps * design.members))
    return Moments(
        taken=taken,
        taken_mean=1.0,
        taken_deviation=mechanism.noise_multiplier,
        others=signals - taken,
        others_mean=0.0,
        others_deviation=mechanism.noise_multiplier,
    )
