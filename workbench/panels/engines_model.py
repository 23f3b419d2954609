"""What the engines panel knows: which step, and what each engine needed for it so far."""

from __future__ import annotations

from typing import Any, Final

import traitlets as T

from workbench.panels.parts.model import Job, PanelModel
from workbench.panels.parts.pump import Batch
from workbench.panels.training_choices import MODELS
from workbench.runs.configs import config_to_json
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.compared import CompareConfig, Compared

WORK: Final = "workbench.training.comparison:work"


class EnginesModel(PanelModel):
    """A step to compare the engines on.

    Attributes:
        compared: engine to the newest :class:`Compared`.
    """

    model = T.Unicode("unet").tag(param=True)
    size = T.Int(64).tag(param=True)
    batch = T.Int(16).tag(param=True)
    slices_each = T.Int(1).tag(param=True)
    rounds = T.Int(7).tag(param=True)
    compared: T.Dict[str, Compared] = T.Dict()

    def __init__(self, **params: Any) -> None:
        self.store = Store()
        super().__init__(**params)
        self.guarantee = "The pictures are noise: no patient is involved, nothing is charged."

    def config(self) -> CompareConfig:
        """The comparison that the choices describe.

        Raises:
            BadInput: a choice is out of range.
        """
        classifies = self.model not in MODELS["segmentation"]
        return CompareConfig(
            model=self.model,
            task="classification" if classifies else "segmentation",
            size=self.size,
            batch=self.batch,
            slices_each=self.slices_each,
            rounds=self.rounds,
        )

    def check(self) -> None:
        """Refuse what is out of range."""
        self.config()

    def launch(self) -> Job:
        """Compare in a worker."""
        values = config_to_json(self.config())
        return start(WORK, values, kind="compare", store=self.store)

    def clear(self) -> None:
        """Forget the comparison before."""
        self.compared = {}

    def take(self, batch: Batch) -> None:
        """The newest numbers of each engine."""
        found = {one.engine: one for one in batch.all(Compared)}
        if found:
            self.compared = {**self.compared, **found}
