"""An audit's result and arrays in the agreed shape, reckoned by hand for figures and panels."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom, norm

from workbench.auditing.estimators.rung import ASSUMPTIONS, LABELS

CLAIM = {
    "noise_multiplier": 1.0, "sample_rate": 0.05, "steps": 200, "delta": 1e-5, "unit": "slice",
    "adjacency": "add or remove one",
}  # fmt: skip
EPSILON = 4.766
UNITS = 512
SAYS_NOTHING = (
    "no violation found; this test would have noticed 5 % too little noise with probability 0.94"
)
RUNGS = {
    "clopper-pearson": (1.32, 5.6, 1.3),
    "steinke": (1.18, 6.3, 1.2),
    "one-run-fdp": (1.65, 8.1, 1.7),
    "end-to-end": (3.45, 4.6, 3.6),
    "per-step": (4.64, 4.75, 4.6),
}
PROBES = {
    "noise-variance": ("noise", 0.4, "The noise is 1.0003 of what is claimed.", 1.0003),
    "sensitivity-natural": ("sensitivity", 1.0, "One more slice moves the sum by 1.000 C.", 1.0),
    "batch-dispersion": ("sampler", 0.7, "Draws scatter as they should: 1.02 of 1.", 1.02),
    "nan-voxel": ("finiteness", 1.0, "A voxel without a value leaves every gradient finite.", 0.0),
}  # fmt: skip


def rung(name: Any, epsilon: float | None = None, p_value: float = 0.5) -> dict[str, Any]:
    measured, ceiling, expected = RUNGS[name]
    return {
        "name": name, "label": LABELS[name], "ceiling": ceiling, "expected": expected,
        "epsilon": measured if epsilon is None else epsilon, "assumption": ASSUMPTIONS[name],
        "p_value": p_value,
    }  # fmt: skip


def probe(test: str, *, caught: bool = False) -> dict[str, Any]:
    room, p_value, says, measured = PROBES[test]
    return {
        "test": test, "room": room, "p_value": 0.0 if caught else p_value, "says": says,
        "measured": measured, "expected": 1.0, "caught": caught,
    }  # fmt: skip


def audited(caught: str | None = None, **changes: Any) -> dict[str, Any]:
    """The result of an audit, caught by one probe or one rung, or by nothing."""
    rungs = [rung(name) for name in RUNGS]
    if caught in RUNGS:
        rungs = [rung(n, 7.41, 1e-12) if n == caught else rung(n) for n in RUNGS]
    probes = [probe(test, caught=test == caught) for test in PROBES]
    by = [caught] if caught else []
    return {
        "claim": CLAIM,
        "statement": "(4.77, 1e-05)-DP per slice, add or remove one, Poisson q = 0.05, 200 steps.",
        "epsilon_claimed": EPSILON,
        **{f"epsilon_{one['name'].replace('-', '_')}": one["epsilon"] for one in rungs},
        "ceiling": 4.6, "ladder": rungs, "probes": probes,
        "verdict": "claim falsified" if caught else "no violation found", "caught_by": by,
        "accepted": [],
        "says": f"claim falsified by {caught}" if caught else SAYS_NOTHING,
        "power": {"noise 5 % low": 0.94, "noise 20 % low": 1.0}, "level": 1e-4,
        "units": UNITS + 1012,
        "engine": "bookkeeping", "network": "cnn", "bug": None, "optimizer": "sgd",
        "unit": "slice", "canaries": 2000, "members": 1012, "nulls": 6000, "seconds": 9.3,
        "planning_seconds": 0.4, **changes,
    }  # fmt: skip


def arrays(*, below: bool = False, noise: float = 1.0) -> dict[str, np.ndarray]:
    """What belongs to it; ``below`` puts one operating point under the claim's curve."""
    alpha = np.linspace(0, 1, 101)
    beta = norm.cdf(norm.ppf(1 - alpha) - 1.1)
    edges = np.linspace(-5, 5, 51)
    nulls = 6000 * 200
    units = np.arange(0, 121)
    measured = norm.cdf(norm.ppf(1 - 0.05) - (3.0 if below else 0.8))
    return {
        "trade_off/alpha": alpha, "trade_off/beta": beta,
        "points/alpha": np.array([0.05]), "points/beta": np.array([measured]),
        "points/alpha_low": np.array([0.045]), "points/alpha_high": np.array([0.055]),
        "points/beta_low": np.array([measured - 0.02]),
        "points/beta_high": np.array([measured + 0.02]),
        "noise/edges": edges, "noise/counts": nulls * np.diff(norm.cdf(edges / noise)),
        "sampler/edges": units - 0.5,
        "sampler/counts": np.diff(200 * binom.cdf(units - 1, UNITS + 1012, 0.05)),
        "signals/edges": edges, "signals/out": nulls * np.diff(norm.cdf(edges)),
        "signals/in": 10_000 * np.diff(norm.cdf(edges - 1)),
        "lambda/members": norm.ppf((np.arange(1012) + 0.5) / 1012) + 1.1,
        "lambda/nulls": norm.ppf((np.arange(6000) + 0.5) / 6000),
    }  # fmt: skip
