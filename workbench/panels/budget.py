"""What a privacy budget costs and means, said while it is being chosen and before data are read."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from workbench.accounting.guarantee import Unit, round_up
from workbench.accounting.pld import epsilon_for_drawing, noise_for
from workbench.training.config import PrivacyConfig

_SEEDED: Final = "Seeded noise can be computed again by anyone, so nothing is guaranteed."


@lru_cache(maxsize=256)
def noise_at(target_epsilon: float, sample_rate: float, steps: int, delta: float) -> float:
    """The calibrated noise multiplier, at most a little above what the run will use.

    Raises:
        BadInput: no noise multiplier gives this budget.
    """
    return noise_for(
        target_epsilon=target_epsilon,
        sample_rate=sample_rate,
        steps=steps,
        delta=delta,
        exact=False,
    )


@lru_cache(maxsize=256)
def epsilon_at(noise_multiplier: float, sample_rate: float, steps: int, delta: float) -> float:
    """The budget that this noise spends, never below what the run will report."""
    return epsilon_for_drawing(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta
    )


def right_at_most(epsilon: float, delta: float) -> float:
    """How often anybody can be right about one unit's taking part, at even odds.

    An (epsilon, delta)-DP mechanism makes the total variation distance between "took part" and
    "did not" at most 1 - 2 (1 - delta) / (1 + e^epsilon); whoever guesses at even odds is then
    right with a probability of at most (e^epsilon + delta) / (1 + e^epsilon). (Kairouz, Oh,
    Viswanath 2015, Theorem 2.1.)

    Args:
        epsilon: >= 0; infinity gives 1.
        delta: in [0, 1].
    """
    return 1 - _wrong(epsilon, delta)


def meaning(epsilon: float, delta: float, unit: Unit) -> str:
    """The bound of :func:`right_at_most` as a sentence, rounded so that it still holds."""
    wrong = _wrong(epsilon, delta)
    if wrong < 1e-4:
        return (
            f"This epsilon alone rules out nothing: who guesses whether a {unit} took part "
            "may be right practically always."
        )
    digits = max(0, math.ceil(-math.log10(wrong)) - 2)
    scale = 10**digits
    percent = math.ceil(round(100 * (1 - wrong) * scale, 6)) / scale
    return (
        f"Who guesses at even odds whether a {unit} took part is right at most "
        f"{percent:.{digits}f} % of the time."
    )


class Outlook(NamedTuple):
    """What a choice of privacy comes to.

    Attributes:
        price: the noise that a budget needs, or the budget that a noise spends.
        sentence: what that means for a patient.
        tone: of the sentence.
    """

    price: str
    sentence: str
    tone: str


def outlook(privacy: PrivacyConfig | None, *, sample_rate: float, steps: int) -> Outlook:
    """What these settings come to, without looking at any data.

    Raises:
        BadInput: no noise multiplier gives the budget.
    """
    if privacy is None:
        return Outlook("", "Gradients are neither clipped nor noised: nobody is protected.", "open")
    if privacy.noise_multiplier == 0:
        return Outlook("no noise", "Clipping alone protects nobody.", "open")
    plan = (sample_rate, steps, privacy.delta)
    if privacy.noise_multiplier is None:
        assert privacy.target_epsilon is not None
        epsilon = privacy.target_epsilon
        price = f"noise multiplier {noise_at(epsilon, *plan):.2f}, calibrated"
    else:
        epsilon = epsilon_at(privacy.noise_multiplier, *plan)
        price = f"spends at most ε = {round_up(epsilon)} in {steps:,} steps"
    if privacy.noise == "seeded":
        return Outlook(price, _SEEDED, "void")
    return Outlook(price, meaning(epsilon, privacy.delta, privacy.unit), "quiet")


def _wrong(epsilon: float, delta: float) -> float:
    return (1 - delta) * math.exp(-epsilon) / (1 + math.exp(-epsilon))
