"""Predict, run, compare: an exercise over several attacks in a line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from workbench.door.attacks import Attacked, Cases, attack_each
from workbench.errors import BadInput
from workbench.panels.exercise import Exercise, Measured

SCORES = {"psnr": "dB", "psnr_affine": "dB", "psnr_body": "dB", "ssim": "", "mask_dice": ""}
"""What may be asked for, with units."""


def exercise(
    question: str,
    cases: Cases,
    *,
    ask: str = "highest",
    hint: str,
    score: str = "psnr",
    within: float = 1.0,
    seconds: float = 6.0,
    **common: Any,
) -> Exercise:
    """Carry out attacks, and show what they brought back once somebody has predicted it.

    Nothing of the answer is written down beforehand: it is what was measured here and now.

    Args:
        question: what is to be predicted.
        cases: as for :func:`workbench.door.attacks.attack_each`.
        ask: ``"highest"`` or ``"lowest"`` for the case with that score, or the name of a case for
            its number.
        hint: said after a wrong answer.
        score: one of :data:`SCORES`.
        within: scores no further apart than this count as equal, > 0.
        seconds: that each attack may take.
        common: fields of ``AttackConfig`` that all cases share.

    Raises:
        BadInput: there is no such score or case, or a case cannot be carried out.
    """
    if score not in SCORES:
        raise BadInput(f"Score must be {' or '.join(SCORES)}, not {score!r}.", field="score")
    found = attack_each(cases, seconds=seconds, **common)
    return asked_of(found, question, ask=ask, hint=hint, score=score, within=within)


def asked_of(
    found: Attacked, question: str, *, ask: str, hint: str, score: str, within: float
) -> Exercise:
    """The exercise over attacks that are finished.

    Raises:
        BadInput: what is asked for was not measured.
    """
    if ask not in ("highest", "lowest", *found.results):
        raise BadInput(
            f"There is no case {ask!r} to ask for; say highest, lowest or "
            f"{' or '.join(found.results)}.",
            field="ask",
        )
    scores = {name: _score(name, result, score) for name, result in found.results.items()}
    measured = Measured(scores, ask, within, SCORES[score])
    least = 80.0 if SCORES[score] else 1.0
    greatest = float(math.ceil(max(least, *scores.values())))
    return Exercise(question, measured, hint=hint, shown=found.html(), greatest=greatest)


def _score(name: str, result: Mapping[str, Any], score: str) -> float:
    value = result[score]
    if value is None:
        raise BadInput(f"{name} has no {score} to ask for; ask for another score.", field="score")
    return float(value)
