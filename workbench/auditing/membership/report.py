"""What attacks on membership have found, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from workbench.accounting.guarantee import Unit
from workbench.auditing.membership.catalogue import ATTACKS
from workbench.auditing.membership.config import MembershipConfig
from workbench.auditing.membership.roc import POINTS
from workbench.auditing.membership.success import success
from workbench.runs.events import Finished, to_json
from workbench.runs.record import RunRecord
from workbench.training.parts import Parts

UNPROTECTED_DELTA: Final = 1e-5

FAILED_ATTACK: Final = (
    "An attack that fails proves nothing: a stronger one may succeed. It says what this attacker "
    "achieved, never that the model is private."
)
"""What must stand beside every figure of such an attack."""


def starting_facts(
    config: MembershipConfig,
    records: Sequence[RunRecord],
    parts: Parts,
    members: np.ndarray,
    held_out: int,
) -> dict[str, Any]:
    """What is known before a network is asked, as JSON values.

    Args:
        config: of the attack.
        records: of the target and its references.
        parts: of the data.
        members: bool ``(U,)``.
        held_out: units that none of the networks trained on.
    """
    facts: dict[str, Any] = to_json(
        {
            "data": parts.candidates.name,
            "fingerprint": parts.fingerprint,
            "task": parts.task,
            "signal": config.signal_for(parts.task),
            "units": len(members),
            "members": int(members.sum()),
            "held_out": held_out,
            "target": records[0].id,
            "references": [record.id for record in records[1:]],
            "guarantee": records[0].guarantee,
        }
    )
    return facts


def report(
    config: MembershipConfig,
    records: Sequence[RunRecord],
    unit: Unit,
    members: np.ndarray,
    held_out: int,
    scores: Mapping[str, np.ndarray],
) -> Finished:
    """The last event.

    Args:
        config: of the attack.
        records: of the target and its references.
        unit: what a coin was thrown for.
        members: bool ``(U,)``, who trained the target.
        held_out: units that none of the networks trained on.
        scores: of every attack, ``(U,)``.
    """
    claim = records[0].result or {}
    delta = config.delta or claim.get("delta") or UNPROTECTED_DELTA
    figures = {
        name: success(of, members, delta=delta, confidence=config.confidence)
        for name, of in scores.items()
    }
    result = {
        "target": records[0].id,
        "references": [record.id for record in records[1:]],
        "unit": unit,
        "units": len(members),
        "members": int(members.sum()),
        "strangers": int((~members).sum()),
        "held_out": held_out,
        "confidence": config.confidence,
        "delta": delta,
        "claim": {
            name: claim.get(name)
            for name in ("epsilon", "delta", "unit", "noise_multiplier", "sample_rate", "steps")
        },
        "guarantee": claim.get("guarantee"),
        "attacks": {
            name: {**asdict(ATTACKS[name]), **asdict(one)} for name, one in figures.items()
        },
        "words": _words(unit, members, len(records) - 1, claim.get("guarantee")),
    }
    arrays = {"members": members, **{f"{name}/scores": of for name, of in scores.items()}}
    return Finished(result=to_json(result), arrays=arrays)


def _words(unit: Unit, members: np.ndarray, references: int, guarantee: object) -> list[str]:
    strangers = int((~members).sum())
    sentences = [
        f"Fair coins decided which {int(members.sum()):,} of {len(members):,} {unit}s trained the "
        f"target; {references} references trained on complementary halves of the same {unit}s. "
        "The ledger charges each of these trainings.",
        f"Intervals are over {unit}s, given this one target: another training of it may give away "
        "more, or less.",
        FAILED_ATTACK,
    ]
    sentences += [
        f"What was found at {100 * at:g} % false positives is not reliable: that takes "
        f"{enough:,} {unit}s that did not train, and there are {strangers:,}."
        for at, enough in POINTS.items()
        if strangers < enough
    ]
    if guarantee:
        sentences.append(f"What the target promises: {guarantee}")
    return sentences
