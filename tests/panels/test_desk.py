from __future__ import annotations

import pytest

from workbench.panels.audit import AuditPanel
from workbench.panels.desk import desk
from workbench.panels.explore import ExplorePanel
from workbench.panels.ledger import LedgerPanel
from workbench.panels.parts.model import PanelModel
from workbench.panels.train import TrainPanel


@pytest.fixture(autouse=True)
def _cold(monkeypatch: pytest.MonkeyPatch) -> None:
    for panel in ("train", "explore", "attack", "audit"):
        monkeypatch.setattr(f"workbench.panels.{panel}.warm", lambda *modules: None)


def test_the_desk_holds_every_panel_and_shares_their_models() -> None:
    tabs = desk()
    assert tabs.titles == ("Train", "Explore", "Attack", "Audit", "Ledger")
    train, explore, _attack, audit, ledger = tabs.children
    assert isinstance(train, TrainPanel)
    assert isinstance(explore, ExplorePanel)
    assert isinstance(audit, AuditPanel)
    assert isinstance(ledger, LedgerPanel)
    assert TrainPanel(steps=33).model is train.model
    for model in list(PanelModel._living.values()):
        model.close()
