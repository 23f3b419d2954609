"""What an attack would tell, for panels that are tested without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from workbench.attacks.events import Posed, Reconstructing
from workbench.panels.attack import AttackPanel
from workbench.panels.parts.controls import Field
from workbench.runs.events import Finished

TRUTH = np.random.default_rng(0).uniform(size=(1, 32, 32)).astype(np.float32)
FACTS = {
    "window": [-200, 300],
    "threat": "A curious server.",
    "baselines": {
        "mean image": {"psnr": 8.8, "ssim": 0.11, "ncc": 0.4},
        "flat grey": {"psnr": 10.6, "ssim": 0.1, "ncc": 0.0},
    },
}


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    assert holds()


def seen(seconds: float, **changes: object) -> Reconstructing:
    values = {
        "seconds": seconds, "budget": 15.0, "stage": "refining", "objective": 0.5,
        "image": np.clip(TRUTH + 0.1, 0, 1),
    }  # fmt: skip
    return Reconstructing(**{**values, **changes})  # type: ignore[arg-type]


def posed(truth: np.ndarray = TRUTH) -> Posed:
    return Posed(truth=truth, baseline=truth[0], mask=np.zeros(truth.shape, np.uint8))


def finished(truth: np.ndarray = TRUTH) -> Finished:
    result = {
        "seconds": 14.0, "objective": 1e-6, "psnr": 155.3, "noise_multiplier": None,
        "floor_psnr": None, "baseline_psnr": 10.6,
    }  # fmt: skip
    return Finished(result=result, arrays={"truth": truth, "reconstruction": truth})


def control(panel: AttackPanel, label: str) -> Field:
    def all_in(parts: tuple) -> Iterator[object]:
        for part in parts:
            yield part
            yield from all_in(getattr(part, "children", ()))

    return next(
        part for part in all_in(panel.children) if isinstance(part, Field) and part.label == label
    )
