"""The ledger panel in JupyterLab, in a real browser, with ledgers written by this test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lab_page import LabPage, Open
from playwright.sync_api import expect

from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned

PATIENCE_MS = 120_000
LIVER = Identity("Task03_Liver", "a" * 16, tuple("abcdefgh"), patients=131, largest_patient=4)
LUNG = Identity("lung screening", "b" * 16, tuple("ijkl"), patients=60, largest_patient=1)
CELL = "import os, workbench as wb; os.environ['WORKBENCH_HOME'] = {home!r}; wb.LedgerPanel()"
ROWS = ".wb-frame-stage tbody tr"
SENTENCE = ".wb-frame-foot .wb-statement-text"
POINTS = "document.querySelector('.wb-figure .js-plotly-plot')?.data?.[{trace}]?.y?.length ?? 0"
STEPS, NEXT = POINTS.format(trace=0), POINTS.format(trace=5)


def plan(noise: float, steps: int = 300, **other: Any) -> Planned:
    values = {"sample_rate": 0.05, "delta": 1e-4, **other}
    return Planned(noise_multiplier=noise, steps=steps, **values)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Two data sets; on the second runs of every kind, and a budget."""
    ledger = Ledger(tmp_path)
    ledger.reserve(LUNG, plan(1.1), run="train-20261118-101500-00aa11").settle(300)
    for at, steps in enumerate((300, 260, 220, 180)):
        run = f"train-20261119-10150{at}-b2c3d{at}"
        ledger.reserve(LIVER, plan(1.1 + at / 10), run=run).settle(steps)
    bare = plan(0.0, unprotected="trained without noise")
    ledger.reserve(LIVER, bare, run="train-20261119-181500-0000ba").settle(9)
    ledger.reserve(LIVER, plan(3.0, 60, unit="slice"), run="train-20261120-111500-51ce51").settle(
        60
    )
    ledger.reserve(LIVER, plan(2.0), run="train-20261120-121500-0dead0")
    ledger.set_budget(LIVER, epsilon=12, delta=1e-4)
    return ledger


def opened(open_cells: Open, home: Path, *, name: str) -> LabPage:
    lab = open_cells(CELL.format(home=str(home)), name=name)
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=PATIENCE_MS)
    return lab


def type_into(lab: LabPage, label: str, text: str) -> None:
    field = lab.page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")


def test_an_account_is_shown_in_full_and_is_back_after_a_reload(
    open_cells: Open, ledger: Ledger, tmp_path: Path
) -> None:
    lab = opened(open_cells, tmp_path, name="ledger")
    page = lab.page
    sentence = page.locator(SENTENCE).first
    expect(sentence).to_contain_text("of the 12.00 allowed.", timeout=PATIENCE_MS)
    expect(sentence).to_contain_text("Patients of Task03_Liver have spent ε = ")
    expect(page.locator(ROWS)).to_have_count(7)
    page.wait_for_function(f"({STEPS}) === 8 && ({NEXT}) === 2")
    expect(page.locator(ROWS).first).to_contain_text("300 (in full)")
    for part in (".wb-frame-stage .wb-figure", ".wb-table-box", ".wb-frame-foot"):
        expect(page.locator(part).first).to_be_in_viewport(ratio=1)
    lab.shot("ledger-read")
    said = sentence.text_content() or ""
    lab.save()

    lab.reload()
    page.wait_for_function(f"({STEPS}) === 8 && ({NEXT}) === 2", timeout=PATIENCE_MS)
    expect(sentence).to_have_text(said)
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"ledger-{theme.lower()}")


def test_what_is_planned_budgeted_and_written_elsewhere_is_answered(
    open_cells: Open, ledger: Ledger, tmp_path: Path
) -> None:
    lab = opened(open_cells, tmp_path, name="ledger-plan")
    page = lab.page
    sentence = page.locator(SENTENCE).first
    expect(sentence).to_contain_text("of the 12.00 allowed.", timeout=PATIENCE_MS)
    type_into(lab, "Noise multiplier", "0.6")
    expect(sentence).to_contain_text("above the 12.00 allowed, and would not start",
                                     timeout=PATIENCE_MS)  # fmt: skip
    lab.shot("ledger-above")

    page.get_by_role("button", name="Budget: ε = 12, stop").click()
    type_into(lab, "Epsilon allowed", "40")
    button = page.get_by_role("button", name="Set budget", exact=True)
    button.click()
    expect(page.locator(".wb-notice-done")).to_contain_text(
        "Task03_Liver has a budget of ε = 40 instead of 12", timeout=PATIENCE_MS
    )
    expect(sentence).to_contain_text("of the 40.00 allowed.", timeout=PATIENCE_MS)
    assert lab.violations(".wb-frame") == []
    lab.shot("ledger-budget")

    ledger.reserve(LIVER, plan(1.5), run="train-20261120-131500-e15e00").settle(100)
    expect(page.locator(ROWS)).to_have_count(8, timeout=PATIENCE_MS)
    expect(page.locator(ROWS).first).to_contain_text("…e15e00")

    page.get_by_label("Data", exact=True).select_option("lung screening (60 patients)")
    expect(sentence).to_contain_text("Patients of lung screening have spent", timeout=PATIENCE_MS)
    expect(page.locator(ROWS)).to_have_count(1, timeout=PATIENCE_MS)
    lab.shot("ledger-other-data")
    unfold_the_accountants(lab)


def unfold_the_accountants(lab: LabPage) -> None:
    page = lab.page
    page.get_by_role("button", name="The next run by other accountants").click()
    drawn = "document.querySelectorAll('.js-plotly-plot')[1]?.data?.length ?? 0"
    page.wait_for_function(f"({drawn}) === 4", timeout=PATIENCE_MS)
    page.locator(".wb-figure").nth(1).scroll_into_view_if_needed()
    upper, lower = (page.locator(".wb-figure").nth(at).bounding_box() for at in (0, 1))
    assert upper is not None
    assert lower is not None
    assert lower["width"] == pytest.approx(upper["width"], abs=20)
    expect(page.locator(".wb-frame-foot")).to_be_in_viewport(ratio=1)
    assert lab.violations(".wb-frame") == []
    lab.shot("ledger-accountants")


def test_an_empty_ledger_and_a_damaged_one_are_sentences(open_cells: Open, tmp_path: Path) -> None:
    lab = opened(open_cells, tmp_path, name="ledger-empty")
    page = lab.page
    sentence = page.locator(SENTENCE).first
    expect(sentence).to_contain_text("Nothing has been charged in this workspace yet")
    expect(page.get_by_role("button", name=re.compile("^Budget: none"))).to_be_visible()
    lab.shot("ledger-empty")
    Ledger(tmp_path).reserve(LUNG, plan(1.1), run="train-20261118-101500-00aa11")
    expect(sentence).to_contain_text("Patients of lung screening", timeout=PATIENCE_MS)

    path = tmp_path / "ledger.jsonl"
    path.write_text(path.read_text().replace('"steps": 300', '"steps": 3'))
    message = page.locator(".wb-frame-foot [role=alert]")
    expect(message).to_contain_text("is damaged: line 2 was changed", timeout=PATIENCE_MS)
    expect(page.locator(ROWS)).to_have_count(0)
    expect(sentence).to_be_hidden()
    assert lab.violations(".wb-frame") == []
    lab.shot("ledger-damaged")
