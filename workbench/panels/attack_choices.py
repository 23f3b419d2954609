"""The choices of the attack panel, named as in ``AttackConfig``."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import traitlets as T

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.panels.attack_methods import check_method
from workbench.panels.attack_networks import check_size
from workbench.panels.attack_row import RUNGS
from workbench.panels.parts.model import PanelModel

_ALIASES: Final = {"data": "image", "image_size": "size"}
"""Two choices have other names in the rooms below."""


class AttackChoices(PanelModel):
    """Everything that :class:`AttackConfig` holds, of which the floor is left out at first.

    Attributes:
        row_seconds: time that each attack of the row may take.
    """

    image = T.Unicode("CT_small").tag(param=True)
    index = T.Int(0).tag(param=True)
    size = T.Int(64).tag(param=True)
    model = T.Unicode("unet").tag(param=True)
    activation = T.Unicode(None, allow_none=True).tag(param=True)
    normalisation = T.Unicode(None, allow_none=True).tag(param=True)
    trained = T.Unicode(None, allow_none=True).tag(param=True)
    task = T.Enum(["segmentation", "classification"], None, allow_none=True).tag(param=True)
    attack = T.Unicode("two-stage").tag(param=True)
    server = T.Unicode("honest").tag(param=True)
    mask = T.Unicode("known").tag(param=True)
    labels = T.Unicode(None, allow_none=True).tag(param=True)
    public = T.Unicode("none").tag(param=True)
    batch = T.Int(1).tag(param=True)
    local_steps = T.Int(1).tag(param=True)
    local_rate = T.Float(0.1).tag(param=True)
    rounds = T.Int(1).tag(param=True)
    sites = T.Int(1).tag(param=True)
    defence = T.Unicode(None, allow_none=True).tag(param=True)
    seconds = T.Float(15.0).tag(param=True)
    noise_multiplier = T.Float(None, allow_none=True).tag(param=True)
    max_grad_norm = T.Float(1.0).tag(param=True)
    delta = T.Float(1e-5).tag(param=True)
    draws = T.Int(1).tag(param=True)
    restarts = T.Int(1).tag(param=True)
    floor = T.Bool(False).tag(param=True)
    bounds = T.Bool(True).tag(param=True)
    seed = T.Int(0).tag(param=True)
    surgery = T.Bool(True).tag(param=True)
    row_seconds = T.Float(10.0).tag(param=True)

    def config(self, **changes: Any) -> AttackConfig:
        """The attack that is chosen.

        Raises:
            BadInput: a value is out of its range.
        """
        own = {field.name for field in dataclasses.fields(AttackConfig)}
        chosen = {name: value for name, value in self.params().items() if name in own}
        return AttackConfig(**{**chosen, **changes})

    def row_configs(self) -> list[AttackConfig]:
        """The attacks of the row: as chosen, but for noise and time; the last has the floor."""
        last = len(RUNGS) - 1
        return [
            self.config(noise_multiplier=noise, seconds=self.row_seconds, floor=at == last)
            for at, noise in enumerate(RUNGS.values())
        ]

    def check(self) -> None:
        """Refuse what the attack would refuse, as far as that is known without its network."""
        if not self.image:
            raise BadInput("Name a file or a folder on this machine.", field="image")
        config = self.config()
        check_size(config.model, config.size)
        check_method(config)
        if not self.row_seconds > 0:
            raise BadInput(
                f"Seconds must be above 0, not {self.row_seconds:g}.", field="row_seconds"
            )

    def refuse(self, sentence: str, field: str | None) -> None:
        """Put a sentence under its control."""
        super().refuse(sentence, _ALIASES.get(field or "", field))
