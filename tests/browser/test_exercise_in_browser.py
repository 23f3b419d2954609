"""An exercise in JupyterLab, in a real browser: predicted by keyboard, checked by what was run."""

from __future__ import annotations

import pytest
from lab_page import Open
from playwright.sync_api import expect

CELL = """
import workbench as wb
wb.exercise("The slice comes back best", {"plain": {}, "noisy": {"noise_multiplier": 1.0}},
            hint="Noise hides.", model="mlp", attack="analytic", size=32, seconds=2)
"""


@pytest.mark.browser
@pytest.mark.slow
def test_an_exercise_is_answered_by_keyboard_and_shows_its_sheet_then(open_cells: Open) -> None:
    lab = open_cells(CELL, name="exercise")
    lab.run_all()
    answer = lab.page.get_by_label("The slice comes back best")
    expect(answer).to_be_visible(timeout=120_000)
    compare = lab.page.get_by_role("button", name="Compare", exact=True)
    compare.click()
    expect(lab.page.get_by_role("alert").filter(has_text="Predict first")).to_be_visible()
    expect(lab.page.get_by_role("table")).to_have_count(0)
    answer.focus()
    lab.page.keyboard.press("End")
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(lab.page.get_by_role("alert").filter(has_text="Noise hides.")).to_be_visible()
    expect(lab.page.get_by_role("row")).to_have_count(3)
    lab.shot("hint")
    answer.select_option("plain")
    compare.click()
    expect(lab.page.get_by_role("status").filter(has_text="Right.")).to_be_visible()
    lab.shot("right")
