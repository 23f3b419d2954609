"""The ledger panel's parts show what its model knows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_ledger import FULL_BATCH, LIVER, epsilon, plan

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.panels.ledger import LedgerPanel
from workbench.panels.ledger_model import LedgerModel
from workbench.panels.parts.model import PanelModel


@pytest.fixture(autouse=True)
def _gone() -> Iterator[None]:
    """No panel of another test is met again."""
    yield
    for model in list(PanelModel._living.values()):
        model.close()


@pytest.fixture
def ledger(workspace: Path) -> Ledger:
    return Ledger(workspace)


def test_the_panel_shows_what_its_model_knows(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="train-1-aaaaaa").settle(100)
    ledger.reserve(LIVER, plan(unit="slice"), run="train-2-bbbbbb")
    ledger.reserve(LIVER, plan(noise_multiplier=0.0), run="train-3-cccccc").settle(20)
    panel = LedgerPanel(**FULL_BATCH)
    model = panel.model
    assert isinstance(model, LedgerModel)
    assert model.looking.join(60)
    assert LedgerPanel().model is model
    bare, slices, whole = panel.stage.runs.rows
    assert whole[1:] == ["…aaaaaa", "patient", "8", "100", *[round_up(epsilon(100))] * 2]
    together = round_up(epsilon(500))
    assert slices[2:] == ["slice, 2 of one patient", "8", "100 (in full)",
                          round_up(epsilon(400)), together]  # fmt: skip
    assert bare[2:] == ["no protection", "0", "20", "∞", together]
    assert list(panel.stage.curve.data[0].x) == [0, 1, 2, 3]
    assert panel.data.options == [[LIVER.fingerprint, "liver (4 patients)"]]
    assert panel.data.help == "3 runs, 8 slices"
    foot = panel.children[2].children
    assert foot == (panel.guarantee, panel.notes, panel.notice)
    assert panel.guarantee.text == model.guarantee
    assert panel.notes.text == model.notes != ""


@pytest.mark.slow
def test_opening_the_panel_loads_no_torch() -> None:
    code = (
        "import sys, workbench.panels.ledger as p; panel = p.LedgerPanel();"
        "panel.model.looking.join(60);"
        "sys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_other_accountants_are_asked_when_somebody_unfolds_them(ledger: Ledger) -> None:
    ledger.reserve(LIVER, plan(), run="r1").settle(100)
    panel = LedgerPanel(noise_multiplier=1.1, sample_rate=0.05, steps=100, delta=1e-4)
    assert panel.model.looking.join(60)
    others = panel.stage.accountants
    assert others.figure is None
    others.head.unfolded = True
    assert others.asking.join(120)
    assert [trace.name for trace in others.figure.data] == [
        "PLD (reported)", "PRV", "RDP", "GDP: approximation, not a guarantee",
    ]  # fmt: skip
    last = [trace.y[-1] for trace in others.figure.data]
    assert last[3] < last[0] <= last[1] * 1.01 < last[2]
    assert "next run alone" in others.line.text
