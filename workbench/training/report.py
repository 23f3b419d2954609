"""What a training says of itself at its beginning and at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from workbench.runs.events import Finished, to_json
from workbench.training.events import Preview, Validated
from workbench.training.plan import Plan


def starting_facts(plan: Plan) -> dict[str, Any]:
    """Data, network, calibrated noise and promise, as JSON values."""
    guarantee = plan.guarantee(plan.config.steps)
    facts: dict[str, Any] = to_json(
        {
            "data": plan.train.name,
            "provenance": plan.train.provenance,
            "fingerprint": plan.fingerprint,
            "task": plan.task,
            "classes": plan.train.classes,
            "train_patients": plan.train.patient_count,
            "train_slices": len(plan.train),
            "validation_patients": plan.validation.patient_count,
            "validation_slices": len(plan.validation),
            "size": plan.train.width,
            "distance_unit": distance_unit(plan),
            "parameters": sum(p.numel() for p in plan.model.parameters()),
            "surgery": [str(found) for found in plan.surgery],
            "engine": plan.config.engine if plan.config.privacy else None,
            "noise_multiplier": plan.noise_multiplier,
            "steps": plan.config.steps,
            "guarantee": asdict(guarantee),
            "promise": str(guarantee),
            "whole_patient": plan.whole_patient(plan.config.steps),
        }
    )
    return facts


def distance_unit(plan: Plan) -> str:
    """What Hausdorff distances are in; pixels differ from one image size to another."""
    return "pixels" if plan.validation.spacing_mm is None else "mm"


def finished(
    plan: Plan,
    steps: int,
    *,
    validated: Validated,
    shown: Preview,
    seconds: Sequence[float],
    memory_mib: float,
    layers: Sequence[str],
    stopped: str,
) -> Finished:
    """The last event.

    Args:
        plan: the training.
        steps: counted by the mechanism.
        validated: scores on all validation slices.
        shown: the last preview.
        seconds: each step took.
        memory_mib: held at most.
        layers: how each layer's gradient was taken, in words.
        stopped: why it ended before the planned steps; empty where it did not.
    """
    privacy = plan.config.privacy
    result = {
        **validated.scores,
        "distance_unit": distance_unit(plan) if "hausdorff95" in validated.scores else None,
        "groups": validated.groups,
        "loss": validated.loss,
        "epsilon": plan.epsilon(steps) if privacy else math.inf,
        "delta": privacy.delta if privacy else None,
        "unit": plan.unit if privacy else None,
        "accountant": "PLD" if privacy else None,
        "noise_multiplier": plan.noise_multiplier,
        "max_grad_norm": privacy.max_grad_norm if privacy else None,
        "sample_rate": plan.config.sample_rate,
        "steps": steps,
        "stopped": stopped or None,
        "engine": plan.config.engine if privacy else None,
        "layers": list(layers),
        "seconds_per_step": float(np.median(seconds)) if seconds else None,
        "peak_memory_mib": round(memory_mib),
        "guarantee": str(plan.guarantee(steps)),
        "whole_patient": plan.whole_patient(steps),
        "surgery": [str(found) for found in plan.surgery],
    }
    arrays = {
        "images": shown.images,
        "truths": shown.truths,
        "predictions": shown.predictions,
        "attributions": shown.attributions,
    }
    return Finished(
        result=to_json(result), arrays={k: v for k, v in arrays.items() if v is not None}
    )
