"""A finished attack on membership, from drawn scores, as ``auditing.membership`` reports it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from workbench.auditing.membership.catalogue import ATTACKS
from workbench.auditing.membership.success import success
from workbench.runs.events import to_json

STRENGTHS = dict(zip(ATTACKS, (0.2, 0.8, 1.0, 1.6, 1.8), strict=True))
WORDS = ["Fair coins decided who trained.", "An attack that fails proves nothing."]


def attacked(
    *, units: int = 2000, private: bool = False, seed: int = 0
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Result and arrays; every attack's scores of members are shifted by its strength.

    Args:
        units: members and strangers together.
        private: whether the target promises (4.77, 1e-5) to patients.
        seed: of coins and scores.
    """
    generator = np.random.default_rng(seed)
    members = generator.random(units) < 0.5
    scores = {
        name: generator.normal(size=units) + strength * members
        for name, strength in STRENGTHS.items()
    }
    claim = {
        "epsilon": 4.766 if private else np.inf, "delta": 1e-5 if private else None,
        "unit": "patient" if private else None, "noise_multiplier": 1.0 if private else None,
        "sample_rate": 0.05, "steps": 200,
    }  # fmt: skip
    figures = {
        name: success(of, members, delta=1e-5, confidence=0.95) for name, of in scores.items()
    }
    result = {
        "target": "train-20260101-000000-abcdef", "unit": "patient", "units": units,
        "members": int(members.sum()), "strangers": int((~members).sum()), "confidence": 0.95,
        "delta": 1e-5, "claim": claim, "words": WORDS,
        "attacks": {n: {**asdict(ATTACKS[n]), **asdict(one)} for n, one in figures.items()},
    }  # fmt: skip
    arrays = {"members": members, **{f"{name}/scores": of for name, of in scores.items()}}
    return to_json(result), arrays
