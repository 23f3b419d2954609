"""A training in words and table rows: what it promises, what was replaced, where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.accounting.guarantee import Guarantee, round_up
from workbench.panels.ledger_reading import Together
from workbench.runs.configs import config_from_json
from workbench.runs.record import RunRecord
from workbench.training.events import MAIN_SCORE, Preview, Step, Validated, Warned

SCORE_WORDS = {
    "dice": "Dice",
    "dice_global": "Dice, all slices as one",
    "auroc": "AUROC",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "MCC",
    "hausdorff95": "Hausdorff 95",
    "ece": "Calibration error",
}
_IN_THE_TABLE = ("dice", "dice_global", "auroc", "hausdorff95", "ece")


def promised(
    facts: Mapping[str, Any],
    last: Step | None,
    ended: str,
    result: Mapping[str, Any] | None = None,
) -> tuple[str, str]:
    """The guarantee as a sentence, what it means for a whole patient, and the tone.

    Args:
        facts: of the run's ``Started``.
        last: the last step taken, ``None`` before the first.
        ended: ``"finished"``, ``"stopped"``, or empty while the run goes on.
        result: of a finished run; ``None`` of any other.
    """
    guarantee = config_from_json(Guarantee, dict(facts["guarantee"]))
    if not guarantee.private:
        seeded = "seed" in guarantee.void_reason
        return str(guarantee), "void" if seeded else "open"
    patient = str((facts if result is None else result).get("whole_patient") or "")
    early = result is not None and result.get("stopped")
    if ended == "finished" and not early:
        return f"{guarantee} {patient}".strip(), "private"
    if ended and last is not None:
        if patient and result is None:  # it is only known for all of them
            patient = f"With all {last.total} steps: {patient}"
        rate = guarantee.sampling.partition(",")[0]
        spent = replace(guarantee, epsilon=last.epsilon, sampling=f"{rate}, {last.step} steps")
        said = f"Stopped after {last.step} of {last.total} steps: {spent} {patient}"
        return said.strip(), "private"
    return f"Planned: {guarantee} {patient}".strip(), "quiet"


def warned(before: str, events: Sequence[Warned]) -> str:
    """What a run has said that a person should know, every sentence once."""
    said = dict.fromkeys(event.message for event in events if event.message not in before)
    return " ".join(filter(None, (before, *said)))


def fact_rows(
    facts: Mapping[str, Any],
    last: Step | None,
    validated: Validated | None,
    charged: Together | None = None,
) -> list[list[str]]:
    """What the run works with and where it stands, as rows of name and value.

    Args:
        facts: of the run's ``Started``.
        last: the last step taken, ``None`` before the first.
        validated: the newest scores.
        charged: what the ledger says of the run; ``None`` where that is not known.
    """
    noise = facts.get("noise_multiplier")
    rows = [
        ["Trained on", f"{facts['train_patients']:,} patients"],
        ["Validated on", f"{facts['validation_patients']:,} patients"],
        ["Weights", f"{facts['parameters']:,}"],
        ["Noise multiplier", f"{float(noise or 0):.3g}"],
        ["ε spent", round_up(float(last.epsilon)) if last is not None else "0"],
    ]
    if charged is not None and charged.others:
        rows.append(["ε per patient, all runs", round_up(charged.all_epsilon)])
    scores = validated.scores if validated else {}
    return rows + [
        [SCORE_WORDS[name], _score(name, scores[name], facts)]
        for name in _IN_THE_TABLE
        if name in scores
    ]


def _score(name: str, value: float, facts: Mapping[str, Any]) -> str:
    if name == "hausdorff95":
        return f"{value:.1f} {facts.get('distance_unit', '')}".strip()
    return f"{value:.3f}"


def surgery_words(surgery: Sequence[str]) -> str:
    """How many layers were replaced and why; empty where none was."""
    if not surgery:
        return ""
    layers = "1 layer was" if len(surgery) == 1 else f"{len(surgery)} layers were"
    return f"{layers} replaced for per-record privacy"


def surgery_rows(surgery: Sequence[str]) -> list[list[str]]:
    """Each replaced layer: its name, what was wrong with it, what stands there now."""
    rows = []
    for line in surgery:
        layer, _, rest = line.partition(": ")
        problem, _, cure = rest.rpartition("; ")
        rows.append([layer, problem, cure.removeprefix("replaced by ")])
    return rows


def preview_captions(preview: Preview, classes: Sequence[str]) -> list[list[str]]:
    """Under each slice: its Dice, or the class predicted beside the true one."""
    if preview.truths.ndim == 3:
        return [
            [f"Dice {_overlap(truth > 0, said >= 128):.2f}"]
            for truth, said in zip(preview.truths, preview.predictions, strict=True)
        ]
    return [
        [f"{_class(classes, int(said.argmax()))}: {100 * said.max():.0f} %",
         f"truth: {_class(classes, int(truth))}"]
        for truth, said in zip(preview.truths, preview.predictions, strict=True)
    ]  # fmt: skip


def run_words(record: RunRecord) -> str:
    """A recorded run in a line of a list."""
    name = record.id.rpartition("-")[2]
    when = record.created.strftime("%d %b %H:%M")
    privacy = record.config.get("privacy")
    if record.status != "finished" or record.result is None:
        done, total = record.progress or (0, record.config.get("steps", 0))
        return f"{name}: {record.status} at {done:.0f} of {total:.0f}, {when}"
    result = record.result
    score = next((name for name in MAIN_SCORE.values() if name in result), None)
    said = f"{SCORE_WORDS[score]} {float(result[score]):.2f}" if score else ""
    spent = f", ε {round_up(float(result['epsilon']))}" if privacy else ", no privacy"
    return f"{name}: {said}{spent}, {when}"


def _class(classes: Sequence[str], index: int) -> str:
    return str(classes[index]) if index < len(classes) else f"class {index}"


def _overlap(truth: np.ndarray, said: np.ndarray) -> float:
    total = int(truth.sum() + said.sum())
    return 2 * int((truth & said).sum()) / total if total else 1.0
