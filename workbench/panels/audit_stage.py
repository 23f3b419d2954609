"""What a person sees of an audit: the verdict above, and under it one view at a time."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.panels.audit_ethics import EthicsView
from workbench.panels.audit_membership import MembershipView
from workbench.panels.audit_model import AuditModel
from workbench.panels.audit_rero import ReconstructionView
from workbench.panels.audit_views import ProbesView, VerdictView, laws_view, trade_off_view
from workbench.panels.audit_zoo import ZooView
from workbench.panels.parts.notice import Notice
from workbench.panels.parts.states import BUSY
from workbench.panels.parts.words import Statement

VIEWS: Final = (
    "Verdict",
    "Probes",
    "Trade-off",
    "Noise and sampling",
    "Bug zoo",
    "Membership",
    "Reconstruction",
    "Ethics card",
)
HINT: Final = (
    "An accountant says what correct code would guarantee. An audit measures what this code gives "
    "away, on drawn patients: canaries ride through the real sampler, clipping and noise."
)


class AuditStage(W.VBox):
    """The verdict, and views that are drawn when they are looked at.

    Args:
        model: what is shown; the stage can be thrown away and built again at any time.
    """

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self.verdict, self.hint = Notice(), Statement(HINT)
        self.views: dict[str, Any] = {
            "Verdict": VerdictView(model),
            "Probes": ProbesView(model),
            "Trade-off": trade_off_view(model),
            "Noise and sampling": laws_view(model),
            "Bug zoo": ZooView(model),
            "Membership": MembershipView(model),
            "Reconstruction": ReconstructionView(model),
            "Ethics card": EthicsView(model),
        }
        self.tabs = W.Tab(list(self.views.values()), titles=VIEWS, selected_index=0)
        self.tabs.add_class("wb-views")
        super().__init__([self.hint, self.verdict, self.tabs])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        self.tabs.observe(model.guard(self._turned), "selected_index")
        model.observe(model.guard(self._draw), ["result", "judgement", "status"])
        self._draw()

    def turn_to(self, view: str) -> None:
        """Bring a view to the front."""
        me: Any = self.tabs
        me.selected_index = VIEWS.index(view)

    def _turned(self, change: Any) -> None:
        """What nobody sees is not drawn, so it is drawn when it is looked at."""
        for at, view in enumerate(self.views.values()):
            view.awake = at == change["new"]

    def _draw(self, _change: Any = None) -> None:
        with self.model.lock, self.verdict.hold_sync():
            result = self.model.result
            said = " ".join(filter(None, (_sentence(result), self.model.judgement)))
            falsified = bool(result and result["caught_by"])
            self.verdict.message = said if falsified else ""
            self.verdict.done = "" if falsified else said
            idle = result is None and self.model.status not in BUSY
            self.hint.text = HINT if idle and not self.model.zoo else ""
            self.hint.layout.display = "" if self.hint.text else "none"


def _sentence(result: dict[str, Any] | None) -> str:
    if result is None:
        return ""
    said = str(result["says"]).rstrip(".")
    return f"{said[0].upper()}{said[1:]}."
