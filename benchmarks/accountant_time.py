"""How soon epsilon is known: for a slider, a second later, for a report; and how far apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism

from workbench.accounting import composition, mixture
from workbench.accounting.accountants import epsilon_by
from workbench.accounting.composition import FINE
from workbench.accounting.planner import QUANTITIES, Wish
from workbench.accounting.planner_solve import solve
from workbench.accounting.pld import COARSE, REFINED, epsilon_for_drawing, noise_for
from workbench.errors import BadInput

CASES = (
    (1.0, 0.0128, 2000, 1e-5),
    (1.0, 0.05, 500, 1e-4),
    (2.0, 0.2, 300, 1e-4),
    (0.6, 0.001, 20_000, 1e-6),
    (8.0, 1.0, 100, 1e-4),
    (0.3, 0.05, 500, 1e-5),
    (1.0, 0.05, 500, 1e-5),
    (3.0, 0.05, 500, 1e-5),
    (10.0, 0.05, 500, 1e-5),
)
"""Noise multiplier, sample rate, steps, delta."""

NEARBY = 7
"""A slider always asks for a value that was not asked before: medians are over so many."""


def measure() -> list[dict[str, object]]:
    """One row per setting: process time on cold caches, and ratios to the reported value."""
    _case(*CASES[0])  # the first call of a library builds its tables
    return [_case(*case) for case in CASES]


def _case(noise: float, rate: float, steps: int, delta: float) -> dict[str, object]:
    def pld(grid: float) -> Callable[[float], float]:
        return lambda near: epsilon_for_drawing(
            noise_multiplier=near, sample_rate=rate, steps=steps, delta=delta, grid=grid
        )

    def other(name: str) -> Callable[[float], float]:
        return lambda near: epsilon_by(
            name, noise_multiplier=near, sample_rate=rate, steps=steps, delta=delta
        )

    epsilon, reported = _median(pld(FINE), noise)
    quick, refined = _median(pld(COARSE), noise), _median(pld(REFINED), noise)
    calibrated = _median(
        lambda near: noise_for(
            target_epsilon=epsilon * near / noise,
            sample_rate=rate,
            steps=steps,
            delta=delta,
            exact=False,
        ),
        noise,
    )
    prv, rdp = _median(other("prv"), noise, times=1), _median(other("rdp"), noise, times=3)
    reference = _median(lambda near: _dp_accounting(near, rate, steps, delta), noise, times=1)
    return {
        "noise multiplier": noise,
        "sample rate": rate,
        "steps": steps,
        "delta": delta,
        "epsilon": round(epsilon, 4),
        "quick (ms)": quick[1],
        "refined (ms)": refined[1],
        "reported (ms)": reported,
        "quick noise (ms)": calibrated[1],
        **{
            f"planner finds {name} (ms)": _planned(name, epsilon, noise, rate, steps, delta)
            for name in QUANTITIES
        },
        "PRV (ms)": prv[1],
        "RDP (ms)": rdp[1],
        "dp-accounting 1e-4 (ms)": reference[1],
        "quick / reported": round(quick[0] / epsilon, 5),
        "refined / reported": round(refined[0] / epsilon, 5),
        "PRV / reported": round(prv[0] / epsilon, 4),
        "RDP / reported": round(rdp[0] / epsilon, 4),
        "dp-accounting / reported": round(reference[0] / epsilon, 6),
    }


def _planned(
    name: str, epsilon: float, noise: float, rate: float, steps: int, delta: float
) -> float:
    """Median time of the planner's first answer, for about half as many units as delta allows."""
    units = int(0.5 / delta)
    fixed = {
        "target_epsilon": epsilon,
        "noise_multiplier": noise,
        "expected_batch": rate * units,
        "steps": steps,
        "units": units,
    }

    def ask(near: float) -> float:
        moved = fixed | {"noise_multiplier": near, "target_epsilon": epsilon * noise / near}
        wish = Wish(**moved | {name: None}, delta=delta)  # type: ignore[arg-type]  # one is None
        return solve(wish, exact=False).value

    return _median(ask, noise)[1]


def _median(
    ask: Callable[[float], float], noise: float, *, times: int = NEARBY
) -> tuple[float, float]:
    """The answer at this noise and the median time of the answers around it."""
    spent, answer = [], float("nan")
    for nth in reversed(range(times)):
        for cache in (composition._epsilon, composition._losses, mixture.mixture_of):
            cache.cache_clear()
        began = time.process_time()
        try:
            answer = ask(noise * (1 + 1e-3 * nth))
        except BadInput:
            return float("nan"), float("nan")
        spent.append(time.process_time() - began)
    return answer, round(1000 * statistics.median(spent), 1)


def _dp_accounting(noise: float, rate: float, steps: int, delta: float) -> float:
    one = from_gaussian_mechanism(noise, sampling_prob=rate, value_discretization_interval=1e-4)
    return float(one.self_compose(steps).get_epsilon_for_delta(delta))
