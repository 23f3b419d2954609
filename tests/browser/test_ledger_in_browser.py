"""The ledger panel in JupyterLab, in a real browser, with ledgers written by this test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab_page import LabPage, Open
from playwright.sync_api import expect

from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned

PATIENCE_MS = 120_000
LIVER = Identity("Task03_Liver", "a" * 16, tuple("abcdefgh"), patients=131, largest_patient=4)
LUNG = Identity("lung screening 2024", "b" * 16, tuple("ijkl"), patients=60, largest_patient=1)
STATEMENTS = ".wb-frame-foot .wb-statement-text"
ROWS = ".wb-frame-stage tbody tr"
CELL = (
    "import os, workbench as wb; os.environ['WORKBENCH_HOME'] = {home!r}; wb.LedgerPanel({choices})"
)


def plan(noise: float = 1.1, steps: int = 300, **other: object) -> Planned:
    values: dict[str, object] = {"sample_rate": 0.05, "delta": 1e-4, **other}
    return Planned(noise_multiplier=noise, steps=steps, **values)  # type: ignore[arg-type]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Two data sets; on the second eight runs of every kind."""
    ledger = Ledger(tmp_path)
    ledger.reserve(LUNG, plan(), run="train-20261118-101500-00aa11").settle(300)
    for number in range(4):
        run = ledger.reserve(
            LIVER, plan(1.1 + number / 10), run=f"train-20261119-1015{number}0-b2c3d{number}"
        )
        run.settle(300 - 40 * number)
    ledger.reserve(
        LIVER, plan(0.0, unprotected="trained without noise"), run="train-x-000bad"
    ).settle(9)
    ledger.reserve(LIVER, plan(2.0), run="train-20261120-101500-0dead0")
    ledger.reserve(LIVER, plan(3.0, 60, unit="slice"), run="train-20261120-111500-51ice5").settle(
        60
    )
    ledger.set_budget(LIVER, epsilon=12, delta=1e-4)
    return ledger


def opened(open_cells: Open, home: Path, *, name: str, choices: str = "") -> LabPage:
    lab = open_cells(CELL.format(home=str(home), choices=choices), name=name)
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=PATIENCE_MS)
    return lab


def test_look(open_cells: Open, ledger: Ledger, tmp_path: Path) -> None:
    lab = opened(open_cells, tmp_path, name="ledger")
    page = lab.page
    expect(page.locator(ROWS)).to_have_count(7, timeout=PATIENCE_MS)
    expect(page.locator(STATEMENTS).first).to_contain_text("allowed", timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)
    lab.shot("ledger-read")
    page.get_by_role("button", name=re.compile("^Budget")).click()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Set budget").scroll_into_view_if_needed()
    page.get_by_role("button", name="Set budget").click()
    page.wait_for_timeout(3500)
    lab.shot("ledger-budget")
