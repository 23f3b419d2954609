"""How much of a CT slice comes back out of a gradient in so many seconds of one core."""

from __future__ import annotations

import statistics

from workbench.attacks.config import AttackConfig
from workbench.attacks.run import attack
from workbench.runs.events import Finished

CASES = (
    ("unet", "two-stage", None, 6.0),
    ("unet", "two-stage", None, 15.0),
    ("unet", "two-stage", 0.0, 15.0),
    ("unet", "two-stage", 0.1, 15.0),
    ("cnn", "two-stage", None, 6.0),
    ("mlp", "analytic", None, 1.0),
)
SEEDS = 3


def measure() -> list[dict[str, object]]:
    """One row per network, attack, noise and time: medians over three seeds, on CT_small."""
    return [_case(*case) for case in CASES]


def _case(model: str, method: str, noise: float | None, seconds: float) -> dict[str, object]:
    results = [_result(model, method, noise, seconds, seed) for seed in range(SEEDS)]
    return {
        "network": model,
        "attack": method,
        "seconds": seconds,
        "gradient": "as it is" if noise is None else f"clipped, noise multiplier {noise:g}",
        "PSNR (dB)": round(statistics.median(float(r["psnr"]) for r in results), 1),
        "SSIM": round(statistics.median(float(r["ssim"]) for r in results), 3),
        "lowest SSIM": round(min(float(r["ssim"]) for r in results), 3),
    }


def _result(
    model: str, method: str, noise: float | None, seconds: float, seed: int
) -> dict[str, float]:
    config = AttackConfig(
        model=model,
        attack=method,
        noise_multiplier=noise,
        seconds=seconds,
        seed=seed,  # type: ignore[arg-type]
        floor=False,
    )
    *_, last = attack(config)
    assert isinstance(last, Finished)
    return dict(last.result)
