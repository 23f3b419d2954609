"""The engines panel in JupyterLab, in a real browser, with real steps."""

from __future__ import annotations

import pytest
from lab_page import Open
from playwright.sync_api import expect

CELL = "import workbench as wb; wb.EnginesPanel(model='cnn', size=32, batch=8, rounds=3)"
ROWS = ".wb-frame-stage tbody tr"


@pytest.mark.browser
@pytest.mark.slow
def test_engines_take_turns_and_are_shown_side_by_side(open_cells: Open) -> None:
    lab = open_cells(CELL, name="engines")
    lab.run_all()
    lab.page.get_by_role("button", name="Compare", exact=True).click(timeout=120_000)
    lab.text_is(".wb-run-status", "Finished", timeout=180_000)
    expect(lab.page.locator(ROWS)).to_have_count(6)
    expect(lab.page.locator(ROWS).nth(1)).to_contain_text("bookkeeping")
    lab.shot("finished")
