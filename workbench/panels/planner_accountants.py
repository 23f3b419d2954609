"""The plan as other accountants see it, folded away until someone asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from workbench.panels.ledger_accountants import OtherAccountants

if TYPE_CHECKING:
    from workbench.panels.ledger_model import LedgerModel
    from workbench.panels.planner_model import PlannerModel


class PlanAccountants(OtherAccountants):
    """The ledger's curves of epsilon over steps, for a plan instead of the next run.

    Args:
        model: whose ``planned`` is drawn; nothing else of the ledger's model is asked for.
    """

    def __init__(self, model: PlannerModel) -> None:
        super().__init__(cast("LedgerModel", model))
        self.head.label = "The plan by other accountants"
