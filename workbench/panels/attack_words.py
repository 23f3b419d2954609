"""What the attack panel says: who sees what, what it costs, what goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.guarantee import round_up
from workbench.attacks.config import AttackConfig
from workbench.attacks.threat import threat
from workbench.panels.attack_cases import is_worst
from workbench.panels.attack_methods import task_of
from workbench.panels.attack_scene import Scene, Shot
from workbench.panels.parts.words import Tone


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
    return f"{said_epsilon(config)} at δ = {brief(config.delta)} for one release"


def who_sees_what(config: AttackConfig, facts: Mapping[str, Any]) -> tuple[str, Tone]:
    """The sentence in the foot, and its tone.

    Args:
        config: of the attack on the stage, or of the one that is chosen.
        facts: what the attack itself said as it began; empty where it has not.
    """
    seen = facts.get("threat") or str(threat(config, task_of(config)))
    worst = "Worst case for the patient." if is_worst(config) else ""
    parts = (seen, worst, _price(config))
    return " ".join(filter(None, parts)), "void" if config.noise_multiplier else "open"


def _price(config: AttackConfig) -> str:
    if config.noise_multiplier is None:
        return "Nothing is guaranteed."
    if config.noise_multiplier == 0:
        return "Clipping alone guarantees nothing (ε = ∞)."
    epsilon = f"{said_epsilon(config)} (δ = {brief(config.delta)})"
    return f"{epsilon} for one release of many."


def brief(number: float) -> str:
    """One digit: ``"1e-5"``, ``"0.002"``."""
    return f"{number:.1g}".replace("e-0", "e-")


def shown_as(scene: Scene) -> str:
    """What the picture that came back is called."""
    if scene.pure_noise:
        return "from noise alone"
    return f"reconstruction, {shared_as(scene.config)}"


def shared_as(config: AttackConfig) -> str:
    """How the gradient was shared, in a word or two."""
    if config.noise_multiplier is None:
        return "no DP"
    return f"σ = {config.noise_multiplier:g}" if config.noise_multiplier else "clipping only"


def caption(scene: Scene) -> str:
    """The line under the picture."""
    config = scene.config
    several = f"{config.batch} × " if config.batch > 1 else ""
    pixels = f"{several}{config.size} px"
    target = "noise" if scene.pure_noise else config.model
    what = [f"{config.attack} on {target}", pixels]
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
