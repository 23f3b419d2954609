"""The explore panel: what each epsilon costs in utility, by real trainings, and what it buys."""

from __future__ import annotations

from typing import Any

from workbench.panels.explore_controls import explore_controls
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_stage import ExploreStage
from workbench.panels.parts.frame import Frame
from workbench.panels.train_model import WORK
from workbench.runs.jobs import warm


class ExplorePanel(Frame):
    """Choose a recipe or a grid, press Explore, watch the curve fill, open its points.

    Args:
        name: panels of one name in one kernel show the same study, so that a cell that is run
            again, or a desk, shows what is under way.
        params: choices by name, as in ``TrainConfig`` and ``PrivacyConfig``; ``recipe``,
            ``epsilons`` as text (``"1, 3, 8, inf"``), ``seeds``, ``metric``, ``varied`` as text
            (``"learning_rate = 1e-3, 3e-3"``), ``search``, ``runs``, ``minutes`` and ``scheduler``.
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = ExploreModel.attach(name, **params)
        if not model.scheduler:
            warm(WORK.partition(":")[0])
        self.stage = ExploreStage(model)
        super().__init__(
            "Explore", explore_controls(model), [self.stage], model,
            start_label="Explore", again_label="Explore",
        )  # fmt: skip
