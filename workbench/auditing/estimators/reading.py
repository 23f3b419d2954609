"""From the released signals to the evidence that was planned for."""

from __future__ import annotations

import numpy as np

from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.design import Design, rank
from workbench.auditing.estimators.evidence import Evidence
from workbench.auditing.estimators.likelihood import LEAST_NOISE, likelihood_ratios, noise_level
from workbench.auditing.estimators.per_step import moments_of
from workbench.auditing.estimators.steinke import Guesses
from workbench.errors import BadInput


def evidence_of(
    signals: np.ndarray,
    members: np.ndarray,
    included: np.ndarray,
    scores: np.ndarray,
    *,
    design: Design,
) -> Evidence:
    """Count as planned.

    The thresholds come from the ranks of the outsiders' scores, so that they have the planned
    rates of false alarms whatever the mechanism does.

    Args:
        signals: float32 ``(T, M + K)``, released coordinates in units of the clipping norm, the
            nulls behind the canaries.
        members: bool ``(M,)``, decided by fair, independent coins.
        included: bool ``(T, M)``, which canaries took part in which step.
        scores: of :func:`scores_of`.
        design: with as many canaries and nulls.

    Raises:
        BadInput: shapes do not fit, signals are not finite, or all or none of the canaries were
            put in.
    """
    _check(signals, members, included, design)
    canaries, nulls = np.split(scores, [design.canaries])
    outsiders = np.sort(np.concatenate((nulls[~design.calibrating], canaries[~members])))[::-1]

    def errors(alarms: float) -> Errors:
        nth = rank(alarms, len(outsiders))
        missed = int(np.sum(canaries[members] <= outsiders[nth - 1]))
        return Errors(
            false_alarms=nth - 1,
            outsiders=len(outsiders),
            misses=missed,
            members=int(members.sum()),
        )

    ordered = members[np.argsort(canaries, kind="stable")]

    def guesses(made: int) -> Guesses:
        half = made // 2
        right = int(ordered[len(ordered) - half :].sum()) + int((~ordered[:half]).sum())
        return Guesses(right, 2 * half)

    return Evidence(
        steps=len(signals),
        canaries=design.canaries,
        few_alarms=errors(design.few_alarms),
        many_alarms=errors(design.many_alarms),
        steinke=tuple(guesses(made) for made in design.steinke),
        one_run=tuple(guesses(made) for made in design.one_run),
        moments=moments_of(signals, included),
    )


def scores_of(signals: np.ndarray, *, design: Design, sample_rate: float) -> np.ndarray:
    """Every coordinate's likelihood ratio, of signals that are as noisy as claimed.

    Some of the nulls tell how noisy they are, and all signals are scaled accordingly: no privacy
    is won or lost by a factor that all have in common, as a wrong divisor is, and so none is seen.

    Args:
        signals: as for :func:`evidence_of`.
        design: with as many canaries and nulls.
        sample_rate: as claimed, in (0, 1].

    Returns:
        float64 ``(M + K,)``; those of the calibrating nulls are no outsiders' scores.
    """
    measured = noise_level(signals[:, design.canaries :][:, design.calibrating])
    return likelihood_ratios(
        signals,
        scale=design.noise_multiplier / max(measured, LEAST_NOISE),
        noise=design.noise_multiplier,
        sample_rate=sample_rate,
    )


def _check(signals: np.ndarray, members: np.ndarray, included: np.ndarray, design: Design) -> None:
    steps = len(signals)
    wanted = {
        "signals": (signals, (steps, design.canaries + design.nulls)),
        "members": (members, (design.canaries,)),
        "included": (included, (steps, design.canaries)),
    }
    for name, (array, shape) in wanted.items():
        if array.shape != shape or not steps:
            raise BadInput(
                f"The audit was planned for {design.canaries} canaries and {design.nulls} null "
                f"coordinates, so {name} must have the shape {shape}, not {array.shape}.",
                field=name,
            )
    if not np.isfinite(signals).all():
        raise BadInput(
            "Some released signals are not finite; look at the probe of non-finite gradients.",
            field="signals",
        )
    if members.all() or not members.any():
        raise BadInput(
            f"{'All' if members.all() else 'None'} of the {design.canaries} canaries took part; "
            "an audit needs both kinds, by fair coins.",
            field="members",
        )
