"""The desk: every panel under one heading, one at a time."""

from __future__ import annotations

import ipywidgets as W

from workbench.panels.explore import ExplorePanel
from workbench.panels.ledger import LedgerPanel
from workbench.panels.train import TrainPanel


def desk() -> W.Tab:
    """Train, explore, attack, audit and the ledger in tabs.

    Each panel is the one of the name ``"main"`` in this kernel: what a panel in another cell
    shows, the desk shows too.
    """
    from workbench.panels.attack import AttackPanel
    from workbench.panels.audit import AuditPanel

    tabs = W.Tab([TrainPanel(), ExplorePanel(), AttackPanel(), AuditPanel(), LedgerPanel()])
    tabs.titles = ("Train", "Explore", "Attack", "Audit", "Ledger")
    tabs.add_class("wb-desk")
    return tabs
