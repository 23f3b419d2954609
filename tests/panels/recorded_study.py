"""Finished trainings as a study leaves them in the store and in the ledger, without training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.exploring.events import Explored
from workbench.runs.configs import config_to_json
from workbench.runs.events import Finished, Started
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

DELTA, NORM, STEPS = 1e-3, 0.5, 40
GUARANTEE = "(3.00, 0.001)-DP per patient."
DATA = Identity(
    name="liver", fingerprint="f" * 16, slices=("a", "b"), patients=2, largest_patient=1
)


def pictures(*, share: float = 1.0, side: int = 16, patients: int = 3, seed: int = 0) -> Any:
    """Grey squares with a true mask, of which a share is found."""
    images = np.random.default_rng(seed).integers(0, 200, (patients, side, side), dtype=np.uint8)
    truths = np.zeros((patients, side, side), np.uint8)
    truths[:, 4:12, 4:12] = 1
    found = truths * np.uint8(255)
    found[:, :, 4 + round(8 * share) :] = 0
    reasons = np.where(truths > 0, 90, -30).astype(np.int8)
    return {"images": images, "truths": truths, "predictions": found, "attributions": reasons}


def record(
    store: Store,
    epsilon: float,
    seed: int = 0,
    *,
    noise: float = 2.0,
    arrays: Any = None,
    data: str = "liver",
    **choices: Any,
) -> Explored:
    """One finished training; without privacy where epsilon is infinite."""
    private = math.isfinite(epsilon)
    sigma = noise if private else 0.0
    privacy = (
        PrivacyConfig(target_epsilon=epsilon, delta=DELTA, max_grad_norm=NORM) if private else None
    )
    config = TrainConfig(data=data, steps=STEPS, sample_rate=0.3, seed=seed, privacy=privacy)
    run = store.open("train", config_to_json(config))
    plan = Planned(
        noise_multiplier=sigma, sample_rate=0.3, steps=STEPS, delta=DELTA if private else 0.0,
        unprotected="" if private else "no privacy",
    )  # fmt: skip
    Ledger(store.root).reserve(DATA, plan, run=run).settle(STEPS)
    result = {
        "dice": 0.5, "epsilon": epsilon, "unit": "patient" if private else None, "steps": STEPS,
        "noise_multiplier": sigma, "max_grad_norm": NORM if private else None,
        "guarantee": GUARANTEE,
    }  # fmt: skip
    store.append(run, Started(facts={"classes": ["background", "liver"]}))
    store.append(run, Finished(result=result, arrays=pictures() if arrays is None else arrays))
    return Explored(
        epsilon=epsilon, seed=seed, run=run, choices=choices, score=0.5, score_name="dice",
        scores={"dice": 0.5, "hausdorff95": 12.25}, noise_multiplier=sigma, guarantee=GUARANTEE,
    )  # fmt: skip


def by_run(*runs: Explored) -> dict[str, Explored]:
    """As a panel's model holds them."""
    return {one.run: one for one in runs}
