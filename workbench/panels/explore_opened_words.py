"""An opened run in words and table rows, and what stands over and under its pictures."""

from __future__ import annotations

from typing import Any

from workbench.accounting.guarantee import round_up
from workbench.exploring.events import Explored
from workbench.figures.fading import FadingNumbers, budget_words
from workbench.panels.parts.words import Tone
from workbench.panels.train_words import SCORE_WORDS
from workbench.runs.record import RunRecord

_SETTINGS = {"max_grad_norm": "Clipping norm", "steps": "Steps"}


def column_heads(numbers: FadingNumbers) -> list[list[str]]:
    """Epsilon and seed over each column; a star where the slices are of other patients."""
    return [
        [budget_words(epsilon), f"seed {seed}{' *' if at in numbers.others else ''}"]
        for at, (epsilon, seed) in enumerate(zip(numbers.epsilons, numbers.seeds, strict=True))
    ]


def columns_words(
    numbers: FadingNumbers | None, opened: Explored | None, *, every: int, asked: int
) -> str:
    """Which run stands in each column, and what is not shown or not the same.

    Args:
        numbers: what is shown; ``None`` for nothing.
        opened: the opened run.
        every: budgets in the study.
        asked: budgets of which a run was to be shown.
    """
    if numbers is None:
        return "No finished run of this study has left pictures." if every else ""
    if opened is None:
        which = "At each ε the run with the median score."
    else:
        which = f"At each ε the run with seed {opened.seed}, or else the one with the median score."
    less = f" {asked} of {every} budgets are shown." if asked < every else ""
    gone = asked - len(numbers.runs) - len(numbers.left_out)
    lost = f" Of {_runs(gone)} no pictures are left." if gone else ""
    other = f" {_runs(len(numbers.left_out), 'Slices of')} have another size and are left out."
    stars = " * validated on other patients, so their pictures cannot be compared."
    return (
        f"{which}{less}{lost}{other if numbers.left_out else ''}{stars if numbers.others else ''}"
    )


def opened_rows(opened: Explored, record: RunRecord) -> list[list[str]]:
    """Budget, scores and the settings that matter, as rows of name and value."""
    result, privacy = record.result or {}, record.config.get("privacy")
    delta = f" at δ = {privacy['delta']:g}" if privacy else ""
    spent = f"{round_up(float(result['epsilon']))}{delta}" if privacy else "none"
    rows = [["ε per " + privacy["unit"] if privacy else "Privacy", spent]]
    rows += [[SCORE_WORDS.get(name, name), _rounded(value)] for name, value in _scores(opened)]
    rows.append(["Noise multiplier σ", f"{opened.noise_multiplier:.3g}"])
    rows += [
        [words, _brief(result[name])]
        for name, words in _SETTINGS.items()
        if result.get(name) is not None
    ]
    taken = {"target_epsilon", "noise_multiplier", *_SETTINGS}
    return rows + [
        [name.replace("_", " "), _brief(value)]
        for name, value in sorted(opened.choices.items())
        if name not in taken and value is not None
    ]


def tone_of(record: RunRecord) -> Tone:
    """The tone of the run's guarantee."""
    privacy, result = record.config.get("privacy"), record.result or {}
    if privacy is None or not result.get("noise_multiplier"):
        return "open"
    return "void" if privacy.get("noise") == "seeded" else "private"


def attack_label(opened: Explored) -> str:
    """What the button says: without noise there is none to take along."""
    return "Attack at this noise" if opened.noise_multiplier else "Attack without noise"


def _scores(opened: Explored) -> list[tuple[str, float]]:
    """The study's score first."""
    return list({opened.score_name: opened.score, **opened.scores}.items())


def _rounded(score: float) -> str:
    return f"{score:.3f}" if abs(score) < 10 else f"{score:.1f}"


def _brief(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _runs(count: int, before: str = "") -> str:
    runs = "1 run" if count == 1 else f"{count} runs"
    return f"{before} {runs}".strip()
