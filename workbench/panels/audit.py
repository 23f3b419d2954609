"""The audit panel: measure the privacy that was claimed, and catch the bug that breaks it."""

from __future__ import annotations

from typing import Any

from workbench.panels.audit_controls import audit_controls
from workbench.panels.audit_model import WORK, AuditModel
from workbench.panels.audit_stage import AuditStage
from workbench.panels.parts.frame import Frame
from workbench.runs.jobs import warm


class AuditPanel(Frame):
    """Choose what is claimed, break it or leave it whole, press Audit.

    Args:
        name: panels of one name in one kernel show the same audit, so that a cell that is run
            again, or a desk, shows what is under way.
        params: choices by name, as in :class:`workbench.auditing.config.AuditConfig`
            (``engine="opacus"``, ``bug="clip-per-layer"``, ``canaries=500``), and
            ``predict=True`` to be asked before a bug is audited.
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = AuditModel.attach(name, **params)
        warm(WORK.partition(":")[0])
        self.stage = AuditStage(model)
        super().__init__(
            "Audit", audit_controls(model), [self.stage], model,
            start_label="Audit", again_label="Audit again", pausable=False,
        )  # fmt: skip
