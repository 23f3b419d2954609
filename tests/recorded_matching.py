"""A finished reconstruction audit as ``auditing.robustness.matching`` reports it, without one."""

from __future__ import annotations

from typing import Any

import numpy as np
from recorded_audit import CLAIM
from scipy.stats import binomtest, norm

from workbench.runs.events import to_json

WORDS = ["The right one of 64 slices was named.", "That this attacker fails proves nothing."]
KAPPAS = np.logspace(-4, np.log10(0.5), 25)


def matched(
    correct: int = 3, alike: int = 40, *, mu: float = 1.0, trials: int = 100, **claim: Any
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Result and arrays.

    Args:
        correct: trainings in which the right one of 64 slices was named.
        alike: trainings in which its class was inferred, blindly in a third of them.
        mu: of the Gaussian mechanism whose bound is drawn.
        trials: trainings.
        claim: other parts of it.
    """
    rows = {}
    for name, count, kappa in (("identification", correct, 1 / 64), ("attribute", alike, 1 / 3)):
        interval = binomtest(count, trials).proportion_ci(0.95)
        rows[name] = {
            "correct": count, "success": count / trials, "low": float(interval.low),
            "high": float(interval.high), "kappa": kappa, "bound": _gaussian(kappa, mu),
            "least": float(binomtest(count, trials).proportion_ci(1 - 1e-4).low),
        }  # fmt: skip
    rows["attribute"]["name"] = "class"
    broken = [name for name, row in rows.items() if row["least"] > row["bound"]]
    result = {
        "claim": CLAIM | claim, "statement": "(4.77, 1e-05)-DP per slice", "epsilon_claimed": 4.766,
        "engine": "bookkeeping", "network": "cnn", "candidates": 64, "trials": trials, **rows,
        "words": WORDS, "seconds": 4.0, "caught_by": broken,
        "verdict": "claim falsified" if broken else "no violation found",
    }  # fmt: skip
    return to_json(result), {"kappas": KAPPAS, "gammas": _gaussian(KAPPAS, mu)}


def _gaussian(kappa: Any, mu: float) -> Any:
    return norm.cdf(norm.ppf(kappa) + mu)
