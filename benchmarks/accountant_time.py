"""Epsilon for a slider against epsilon for a report: time and how far apart they are."""

from __future__ import annotations

import time

from workbench.accounting import pld

CASES = ((1.0, 0.05, 500, 1e-5), (2.0, 0.2, 300, 1e-4), (0.7, 0.05, 300, 1e-3))


def measure() -> list[dict[str, object]]:
    """One row per setting of noise multiplier, sample rate, steps and delta."""
    return [_case(*case) for case in CASES]


def _case(noise: float, rate: float, steps: int, delta: float) -> dict[str, object]:
    setting = {"noise_multiplier": noise, "sample_rate": rate, "steps": steps, "delta": delta}
    pld._one_step.cache_clear()
    began = time.process_time()
    quick = pld.epsilon_for_drawing(**setting)
    drawn = time.process_time()
    exact = pld.epsilon_spent(**setting)
    reported = time.process_time()
    return {
        "noise multiplier": noise,
        "sample rate": rate,
        "steps": steps,
        "delta": delta,
        "for drawing": round(quick, 4),
        "reported": round(exact, 4),
        "drawing / reporting time": round((drawn - began) / (reported - drawn), 3),
        "reporting (ms)": round(1000 * (reported - drawn), 1),
    }
