"""The attacks on membership, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from workbench.auditing.membership.calibrated import calibrated_loss
from workbench.auditing.membership.lira import lira_offline, lira_online
from workbench.auditing.membership.rmia import rmia
from workbench.auditing.membership.signals import Signals
from workbench.auditing.membership.threshold import loss_threshold


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        label: what a person calls it.
        about: what it does, in a sentence.
    """

    label: str
    about: str


ATTACKS: Final[Mapping[str, Attack]] = {
    "loss": Attack("Loss threshold", "who is fitted better is guessed to have trained"),
    "calibrated": Attack(
        "Calibrated loss", "the same, compared with how well others find the unit to be fitted"
    ),
    "lira-offline": Attack(
        "LiRA, offline", "is it fitted better than networks fit it that never saw it?"
    ),
    "lira-online": Attack(
        "LiRA, online", "is it fitted rather as by networks that saw it, or as by others?"
    ),
    "rmia": Attack("RMIA", "is it favoured more than units that nobody trained on?"),
}
"""From the weakest knowledge to the strongest."""


def scores_of(signals: Signals, *, offline_a: float) -> dict[str, np.ndarray]:
    """Every attack's score of every unit, float ``(U,)``, by name.

    Args:
        signals: what the attacks hold.
        offline_a: a of RMIA, in [0, 1].
    """
    methods: dict[str, Callable[[Signals], np.ndarray]] = {
        "loss": loss_threshold,
        "calibrated": calibrated_loss,
        "lira-offline": lira_offline,
        "lira-online": lira_online,
        "rmia": partial(rmia, offline_a=offline_a),
    }
    return {name: methods[name](signals) for name in ATTACKS}
