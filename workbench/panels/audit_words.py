"""An audit in words: networks, rooms of tests, what was caught, what a prediction was worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench.accounting.guarantee import Guarantee
from workbench.auditing.zoo.catalogue import BUGS
from workbench.figures.audit_page import CAUGHT, PASSED
from workbench.panels.exercise import Measured
from workbench.panels.parts.words import Tone
from workbench.panels.training_choices import MODELS

NETWORKS: Final[Mapping[str, str]] = {
    **MODELS["classification"],
    **MODELS["segmentation"],
    "cnn-reflect": "small CNN, reflect padding",
}
"""What can be trained under audit, in words, without loading torch."""

ROOMS: Final[Mapping[str, str]] = {
    "canaries": "the canaries: a bar above the claim",
    "sensitivity": "sensitivity: one record moves too much",
    "noise": "the noise: too little, or not fresh",
    "sampler": "the sampler: not Poisson, or too often",
    "finiteness": "finiteness: a voxel that is no number",
    "bookkeeping": "the books: steps, or the divisor",
}
"""The families of tests, as they are predicted."""

PREDICTIONS: Final[Mapping[str, str]] = {**ROOMS, "nothing": "nothing: it is correct"}

TEST_COLUMNS: Final = ("", "probe and finding", "p")


@dataclass(frozen=True)
class Caught(Measured):
    """Which rooms caught a bug: 1 where one did, else 0."""

    def told(self) -> str:
        """The rooms that did, in words."""
        did = [PREDICTIONS[name].partition(":")[0] for name, v in self.scores.items() if v]
        return f"caught by {', '.join(did)}" if did != ["nothing"] else "nothing was caught"


def caught_in(result: Mapping[str, Any]) -> Caught:
    """What a prediction is held against.

    Args:
        result: of a finished audit.
    """
    by = set(result["caught_by"])
    rooms = {one["room"] for one in result["probes"] if one["test"] in by}
    if by & {one["name"] for one in result["ladder"]}:
        rooms.add("canaries")
    found = rooms or {"nothing"}
    return Caught({name: float(name in found) for name in PREDICTIONS}, "highest", 0.5, "")


def judged(prediction: str, result: Mapping[str, Any]) -> str:
    """Whether a prediction was right, as a sentence; empty where there was none."""
    if not prediction:
        return ""
    measured = caught_in(result)
    right = "Right" if measured.is_right(prediction) else "Not quite"
    return f"You predicted {PREDICTIONS[prediction].partition(':')[0]}. {right}: {measured.told()}."


def finding_rows(probes: Sequence[Mapping[str, Any]], *, over: bool) -> list[list[str]]:
    """One row for each probe, what was caught first: mark, finding, p-value.

    Args:
        probes: findings as values.
        over: whether the verdict is known; before it, none of them says "caught".
    """
    rows = [
        (
            not one.get("caught"),
            [
                _mark(one, over),
                f"{one['test'].replace('-', ' ')}: {one['says']}",
                f"{one['p_value']:.2g}",
            ],
        )
        for one in probes
    ]
    return [cells for _, cells in sorted(rows, key=lambda row: row[0])]


def bugs_offered() -> dict[str, str]:
    """Every bug of the zoo, by name in words."""
    return {name: bug.title for name, bug in BUGS.items()}


def bug_words(name: str | None) -> str:
    """What a bug does, and where it was seen; empty for none."""
    bug = BUGS.get(name or "")
    if bug is None:
        return ""
    return f"{bug.says} Seen: {bug.example}" if bug.example else bug.says


def claimed(guarantee: Guarantee, verdict: str = "") -> tuple[str, Tone]:
    """The claim as the sentence in the foot, with its verdict, and the tone to say it in."""
    said = f"Claimed: {guarantee}"
    if not verdict:
        return said, "quiet"
    falsified = verdict == "claim falsified"
    return f"{said} {verdict[0].upper()}{verdict[1:]}.", "void" if falsified else "quiet"


def _mark(one: Mapping[str, Any], over: bool) -> str:
    if one.get("caught"):
        return CAUGHT
    return PASSED if over or one["p_value"] > 0.01 else f"p = {one['p_value']:.1g}"
