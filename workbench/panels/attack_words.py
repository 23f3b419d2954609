"""What the attack panel says: who sees what, what it costs, how good a picture is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.guarantee import round_up
from workbench.attacks.config import AttackConfig
from workbench.attacks.scoring.score import EXACT_PSNR, Score
from workbench.attacks.threat import threat
from workbench.panels.attack_networks import NETWORKS
from workbench.panels.attack_scene import Scene, Shot
from workbench.panels.parts.words import Tone

SCORE_COLUMNS = ("", "PSNR (dB)", "SSIM", "Correlation")
SCORED = "Scored against the truth, which the attack never saw"


def said_epsilon(config: AttackConfig) -> str:
    """The epsilon of one release, never rounded down: ``"ε = 4.88"``, ``"ε = 92"``."""
    epsilon = gaussian_epsilon(config.noise_multiplier or 0.0, 1, config.delta)
    return f"ε = {round_up(epsilon, 2 if epsilon < 10 else 1 if epsilon < 100 else 0)}"


def noise_help(config: AttackConfig) -> str:
    """The line under the noise control."""
    if config.noise_multiplier is None:
        return "nothing is clipped or added: ε = ∞"
    if config.noise_multiplier == 0:
        return "clipping alone: ε = ∞"
    return f"{said_epsilon(config)} at δ = {_brief(config.delta)} for one release"


def who_sees_what(config: AttackConfig, facts: Mapping[str, Any]) -> tuple[str, Tone]:
    """The sentence in the foot, and its tone.

    Args:
        config: of the attack on the stage, or of the one that is chosen.
        facts: what the attack itself said as it began; empty where it has not.
    """
    network = NETWORKS.get(config.model)
    task = config.task or (network.task if network else "segmentation")
    seen = facts.get("threat") or str(threat(config, task))
    parts = (seen, _worst_case(config), _price(config))
    return " ".join(filter(None, parts)), "void" if config.noise_multiplier else "open"


def _worst_case(config: AttackConfig) -> str:
    network = NETWORKS.get(config.model)
    if config.batch > 1 or config.attack == "analytic" or not (network and network.smooth):
        return ""
    return "Worst case: untrained, smooth, one slice."


def _price(config: AttackConfig) -> str:
    if config.noise_multiplier is None:
        return "Nothing is guaranteed."
    if config.noise_multiplier == 0:
        return "Clipping alone guarantees nothing (ε = ∞)."
    epsilon = f"{said_epsilon(config)} (δ = {_brief(config.delta)})"
    return f"{epsilon} for one release of many."


def _brief(number: float) -> str:
    """One digit: ``"1e-5"``, ``"0.002"``."""
    return f"{number:.1g}".replace("e-0", "e-")


def shared_as(config: AttackConfig) -> str:
    """How the gradient was shared, in a word or two."""
    if config.noise_multiplier is None:
        return "no DP"
    return f"σ = {config.noise_multiplier:g}" if config.noise_multiplier else "clipping only"


def caption(scene: Scene) -> str:
    """The line under the picture."""
    config = scene.config
    several = f"{config.batch} × " if config.batch > 1 else ""
    pixels = f"{several}{config.size} × {config.size}"
    what = [f"{config.attack} on {config.model}", pixels]
    if scene.now is not None:
        what.append(said_seconds(scene.now.seconds))
    return ", ".join(what)


def said_seconds(seconds: float) -> str:
    """``"20 ms"``, ``"3.4 s"``, ``"15 s"``."""
    if seconds < 0.095:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def doing(scene: Scene) -> str:
    """What goes on, for the run bar."""
    if scene.floor is not None and scene.result is None:
        return f"the same attack on pure noise: {scene.floor.stage}"
    if scene.now is None:
        return ""
    return _attempt(scene.config, scene.now) + scene.now.stage


def _attempt(config: AttackConfig, shot: Shot) -> str:
    return f"attempt {shot.restart + 1} of {config.restarts}: " if config.restarts > 1 else ""


def score_rows(scene: Scene | None) -> list[list[str]]:
    """The reconstruction beside what proves nothing: floor and blind guesses."""
    blind = {} if scene is None else scene.facts.get("baselines", {})
    off = "" if scene is None or scene.config.floor else ": not made"
    return [
        ["this reconstruction", *_cells(scene.score if scene else None)],
        [f"same attack on pure noise{off}", *_cells(scene.floor_score if scene else None)],
        ["mean image of others", *_cells(blind.get("mean image"))],
        ["flat grey", *_cells(blind.get("flat grey"))],
    ]


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
    if scene.config.attack == "analytic":
        return "Read off the gradient in one step; there was nothing to choose."
    does = "chooses among its attempts" if scene.config.restarts > 1 else "goes"
    gap = _brief(scene.now.objective)
    return f"The attack {does} by the gap of gradients ({gap}), never by these scores."
