"""The planner in JupyterLab, in a real browser, by keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

from lab_page import LabPage, Open
from playwright.sync_api import expect

PATIENCE_MS = 60_000
CELL = (
    "import workbench as wb; wb.PlannerPanel(target_epsilon=3, expected_batch=20, steps=300, "
    "units=400, delta=1e-3)"
)
SENTENCE = ".wb-frame-foot .wb-statement-text"
TRACES = "document.querySelector('.wb-figure .js-plotly-plot')?.data?.length ?? 0"


def opened(open_cells: Open, *, name: str) -> LabPage:
    lab = open_cells(CELL, name=name)
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=PATIENCE_MS)
    return lab


def test_the_fifth_follows_the_four_and_all_is_seen_without_scrolling(open_cells: Open) -> None:
    lab = opened(open_cells, name="planner")
    page = lab.page
    sentence = page.locator(SENTENCE).first
    expect(sentence).to_contain_text("(3.00, 0.001)-DP per patient", timeout=PATIENCE_MS)
    page.wait_for_function(f"({TRACES}) === 11", timeout=PATIENCE_MS)
    noise = page.get_by_label("Noise multiplier", exact=True)
    expect(noise).to_be_disabled()
    expect(noise).to_have_value(re.compile(r"^1\."))
    lab.shot("planner")
    for part in (".wb-frame-stage .wb-figure", ".wb-frame-choices", ".wb-frame-foot"):
        expect(page.locator(part).first).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("Delta", exact=True)).to_be_in_viewport(ratio=1)
    slider = page.get_by_label("Epsilon, slider", exact=True)
    slider.focus()
    slider.press("PageUp")
    expect(sentence).not_to_contain_text("(3.00,", timeout=PATIENCE_MS)
    expect(noise).to_have_value(re.compile(r"^0\."), timeout=PATIENCE_MS)
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"planner-{theme.lower()}")
    assert lab.errors == []


def test_another_unknown_and_a_contradiction(open_cells: Open) -> None:
    lab = opened(open_cells, name="planner-steps")
    page = lab.page
    page.get_by_label("Solve for", exact=True).select_option("Steps")
    expect(page.get_by_label("Steps", exact=True)).to_be_disabled(timeout=PATIENCE_MS)
    batch = page.get_by_label("Expected batch", exact=True)
    batch.fill("500")
    batch.press("Enter")
    expect(page.get_by_text(re.compile("cannot draw 500 of 400 patients"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    expect(page.locator(SENTENCE).first).to_contain_text("No training fits")
    lab.shot("planner-refused")


def test_how_many_patients_is_answered_from_a_study(open_cells: Open) -> None:
    study = (
        "import os, sys, tempfile; os.environ['WORKBENCH_HOME'] = tempfile.mkdtemp(); "
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r}); "
        "from recorded_sizes import record_sizes; from workbench.runs.store import Store; "
        "record_sizes(Store());"
    )
    lab = open_cells(study, CELL, name="planner-patients")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".wb-figure .main-svg", timeout=PATIENCE_MS)
    page.get_by_role("button", name="How many patients?").click()
    answer = page.get_by_text(re.compile(r"About [\d,]+ patients to train on"))
    expect(answer).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(re.compile("This is an extrapolation"))).to_be_visible()
    page.wait_for_function(
        "document.querySelectorAll('.wb-figure .main-svg').length >= 2", timeout=PATIENCE_MS
    )
    answer.scroll_into_view_if_needed()
    lab.shot("planner-patients")
    assert lab.violations(".wb-frame") == []
    before = answer.inner_text()
    within = page.get_by_label("Within", exact=True)
    within.fill("0.1")
    within.press("Enter")
    expect(answer).not_to_have_text(before, timeout=PATIENCE_MS)
    assert lab.errors == []
