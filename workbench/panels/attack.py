"""The attack panel: watch a CT slice come back out of a shared gradient, and dissolve in noise."""

from __future__ import annotations

from typing import Any

from workbench.panels.attack_controls import attack_controls
from workbench.panels.attack_model import WORK, AttackModel
from workbench.panels.attack_stage import AttackStage
from workbench.panels.parts.frame import Frame
from workbench.runs.jobs import warm


class AttackPanel(Frame):
    """Choose a slice, a network and an attack; press Start.

    Args:
        name: panels of one name in one kernel show the same attack, so that a cell that is run
            again, or a desk, shows what is under way.
        params: choices by name, as in :class:`workbench.attacks.config.AttackConfig`
            (``image="CT_small"``, ``index=0``, ``model="unet"``, ``noise_multiplier=0.1``), and
            ``row_seconds``.
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = AttackModel.attach(name, **params)
        warm(WORK.partition(":")[0])
        self.stage = AttackStage(model)
        super().__init__("Attack", attack_controls(model), [self.stage], model)
