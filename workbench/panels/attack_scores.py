"""How good a picture is, what that is worth, and how good one could be: rows and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.attacks.scoring.score import EXACT_PSNR, Score
from workbench.panels.attack_scene import Scene
from workbench.panels.attack_words import brief

SCORE_COLUMNS: Final = ("against the truth", "PSNR (dB)", "SSIM", "Correlation")

BOUND_COLUMNS: Final = ("at most", "", "holds for", "prior beats it?")
BOUNDS: Final = {
    "rero": "naming the slice",
    "linear": "PSNR off a linear layer",
    "crlb": "PSNR, Cramér–Rao estimate",
}
"""The bounds of a result by name, in a few words."""


def score_rows(scene: Scene | None) -> list[list[str]]:
    """The reconstruction beside what proves nothing: floor and blind guesses."""
    facts = {} if scene is None else scene.facts
    blind = facts.get("baselines", {})
    return [
        ["this reconstruction", *_cells(scene.score if scene else None)],
        *_adjusted(scene),
        _floor_row(scene),
        ["mean image of others", *_cells(blind.get("mean image"))],
        ["flat grey", *_cells(blind.get("flat grey"))],
    ]


def _adjusted(scene: Scene | None) -> list[list[str]]:
    """What an attacker could have had: known at the end, and only where it was reckoned."""
    result = (scene.result if scene else None) or {}
    known = {
        "with brightness and contrast matched": result.get("psnr_affine"),
        "best picture on the way (it cannot know)": result.get("oracle_psnr"),
    }
    return [[name, _decibels(psnr), "", ""] for name, psnr in known.items() if psnr is not None]


def _floor_row(scene: Scene | None) -> list[str]:
    if scene is not None and scene.pure_noise:
        return ["same attack on pure noise: this is it", "", "", ""]
    off = "" if scene is None or scene.config.floor else ": not made"
    return [f"same attack on pure noise{off}", *_cells(scene.floor_score if scene else None)]


def _cells(score: Score | Mapping[str, Any] | None) -> list[str]:
    if score is None:
        return [""] * 3
    values = score if isinstance(score, Mapping) else vars(score)
    return [_decibels(values["psnr"]), _fraction(values["ssim"]), _fraction(values["ncc"])]


def _fraction(value: float) -> str:
    """Two decimals, three near 1, where the third still says something; no minus before 0."""
    text = f"{value:.3f}" if value > 0.9 else f"{value:.2f}"
    return text.replace("-0.00", "0.00").replace("-", "−")


def _decibels(psnr: float) -> str:
    """Without the unit, which stands above the column; a number even of equal pictures."""
    return f"> {EXACT_PSNR:.0f}" if psnr >= EXACT_PSNR else f"{psnr:.1f}"


def chosen_by(scene: Scene | None) -> str:
    """By what the attacker goes, with its value."""
    if scene is None or scene.now is None:
        return ""
    if scene.config.attack in ("analytic", "imprint", "recursive"):
        return "Read off the gradient; there was nothing to choose."
    does = "chooses among its attempts" if scene.config.restarts > 1 else "goes"
    gap = brief(scene.now.objective)
    return f"The attack {does} by the gap of gradients ({gap}), never by these scores."


def findings(scene: Scene | None) -> str:
    """What else is known of a finished attack: whose slice it is, the mask, other draws."""
    result = (scene.result if scene else None) or {}
    return " ".join(filter(None, (_rank(result), _mask(result), _draws(result))))


def _rank(result: Mapping[str, Any]) -> str:
    rank, among, floor = (result.get(name) for name in ("rank", "rank_of", "floor_rank"))
    if rank is None or among is None:
        return ""
    of = result.get("rank_among") or f"{among} slices"
    said = f"Among {of}, the true one is the {_ordinal(rank)} most like this picture"
    return f"{said} (pure noise: {_ordinal(floor)})." if floor is not None else f"{said}."


def _ordinal(rank: float) -> str:
    number = round(rank)
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _mask(result: Mapping[str, Any]) -> str:
    dice = result.get("mask_dice")
    return (
        "" if dice is None else f"The mask it assumes overlaps the true one with Dice {dice:.2f}."
    )


def _draws(result: Mapping[str, Any]) -> str:
    draws = result.get("psnr_draws") or ()
    if len(draws) < 2:
        return ""
    return f"{len(draws)} draws of noise: {min(draws):.1f} to {max(draws):.1f} dB."


def bound_rows(scene: Scene | None) -> list[list[str]]:
    """Bounds for the attack on the stage: value, for whom it holds, whether a prior beats it."""
    result = (scene.result if scene else None) or {}
    known = result.get("bounds") or {}
    return [_bound(words, known.get(name)) for name, words in BOUNDS.items()]


def _bound(words: str, bound: Mapping[str, Any] | None) -> list[str]:
    if bound is None:
        return [words, "–", "", ""]
    beaten = "yes" if bound["beaten_by_prior"] else "no"
    return [words, _limit(bound["value"], bound["unit"]), bound["assumption"], beaten]


def _limit(value: float | None, unit: str) -> str:
    if value is None:
        return "∞ dB"
    if unit == "probability":
        return f"{100 * value:.2g} %" if value < 0.995 else "100 %"
    return f"{value:.1f} dB".replace("-", "−")
