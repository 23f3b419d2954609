"""The explore panel in JupyterLab, in a real browser, with tiny data and real trainings."""

from __future__ import annotations

import pytest
from lab_page import LabPage, Open
from playwright.sync_api import Locator, expect

PATIENCE_MS = 240_000
LENGTH = """() => (document.querySelector('.wb-figure .js-plotly-plot')?.data ?? [])
    .filter(trace => trace.name?.startsWith('NAME')).map(trace => trace.x.length)[0] ?? 0"""
POINTS = LENGTH.replace("NAME", "one training")
ODDS = LENGTH.replace("NAME", "member or not")


def opened(open_cells: Open, discs: str, *, name: str, settings: str) -> LabPage:
    lab = open_cells(
        "from workbench.panels.explore import ExplorePanel\n"
        f"ExplorePanel(data={discs!r}, image_size=None, sample_rate=0.3, {settings})",
        name=name,
    )
    shown(lab)
    return lab


def shown(lab: LabPage) -> None:
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=PATIENCE_MS)


def press(lab: LabPage, name: str) -> None:
    lab.page.get_by_role("button", name=name, exact=True).click()


def tab(lab: LabPage, name: str) -> None:
    lab.page.get_by_role("tab", name=name, exact=True).click()


def finished_rows(lab: LabPage) -> Locator:
    return lab.page.locator(".wb-table .wb-pickable:not(:has-text('%'))")


def click_point(lab: LabPage, number: int) -> None:
    """With the mouse, where plotly has drawn it."""
    drawn = lab.page.locator(".wb-figure .scatterlayer .trace .points path[style*='fill: none']")
    box = drawn.nth(number).bounding_box()
    assert box is not None
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lab.page.wait_for_timeout(300)  # plotly finds the point under the pointer first
    lab.page.mouse.down()
    lab.page.mouse.up()


def restart(lab: LabPage) -> None:
    lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    lab.wait_ready()


def test_a_study_fills_its_curve_goes_on_after_a_restart_and_opens_its_runs(
    open_cells: Open, discs: str
) -> None:
    lab = opened(
        open_cells, discs, name="explore", settings='epsilons="2, 8, inf", seeds=2, steps=20'
    )
    page = lab.page
    lab.shot("explore-ready")
    press(lab, "Explore")
    lab.text_is(".wb-run-status", "Running", timeout=PATIENCE_MS)
    expect(page.locator(".wb-table td:has-text('%')").first).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_function(f"({POINTS})() > 0", timeout=PATIENCE_MS)
    lab.shot("explore-running")
    press(lab, "Pause")
    lab.text_is(".wb-run-status", "Paused")
    press(lab, "Continue")
    lab.text_is(".wb-run-status", "Running")
    press(lab, "Stop")
    lab.text_is(".wb-run-status", "Stopped")
    # Of the last training the end may be on its way while the study stops.
    page.wait_for_timeout(3000)
    finished = finished_rows(lab).count()
    assert 0 < finished < 6

    restart(lab)
    shown(lab)
    expect(finished_rows(lab)).to_have_count(finished)
    press(lab, "Explore")
    lab.text_is(".wb-run-status", "Finished", timeout=2 * PATIENCE_MS)
    expect(finished_rows(lab)).to_have_count(6)
    lab.save()

    lab.reload()
    page.wait_for_function(f"({POINTS})() === 6", timeout=PATIENCE_MS)
    page.wait_for_function(f"({ODDS})() === 2", timeout=PATIENCE_MS)
    expect(page.get_by_text("predict the mean mask").first).to_be_visible(timeout=PATIENCE_MS)
    for part in (".wb-frame-stage .wb-figure", ".wb-frame-foot"):
        expect(page.locator(part).first).to_be_in_viewport(ratio=1)
    price = page.locator(".wb-frame-foot .wb-statement-text").first
    expect(price).to_contain_text("All 4 private runs together: ε = ", timeout=PATIENCE_MS)
    expect(price).to_contain_text("The 2 runs without privacy cannot be counted")
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"explore-finished-{theme.lower()}")

    click_point(lab, 2)
    chosen = page.get_by_role("tab", name="Opened training", exact=True)
    expect(chosen).to_have_attribute("aria-selected", "true", timeout=PATIENCE_MS)
    guarantee = page.get_by_text("(8.00, 0.001)-DP per patient").first
    expect(guarantee).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Attack at this noise")).to_be_visible()
    lab.shot("explore-opened")
    assert lab.violations(".wb-frame") == []

    tab(lab, "Frontier")
    first = finished_rows(lab).first.get_by_role("button")
    first.focus()
    page.keyboard.press("Enter")
    expect(chosen).to_have_attribute("aria-selected", "true", timeout=PATIENCE_MS)
    guarantee = page.get_by_text("(2.00, 0.001)-DP per patient").first
    expect(guarantee).to_be_visible(timeout=PATIENCE_MS)
    press(lab, "Attack at this noise")
    sent = page.get_by_text("The Attack panel now has noise multiplier").first
    expect(sent).to_be_visible(timeout=PATIENCE_MS)
    tab(lab, "Price of looking")
    page.wait_for_function(
        "() => document.querySelectorAll('.wb-figure .barlayer').length > 0", timeout=PATIENCE_MS
    )
    page.wait_for_timeout(500)
    lab.shot("explore-price")
    assert lab.violations(".wb-frame") == []


@pytest.mark.parametrize(
    ("label", "typed", "sentence"),
    [
        ("Epsilons", "0, 3", "Every epsilon must be above 0, not 0; inf trains without privacy."),
        ("Epsilons", "few", "Epsilons must be numbers with commas between them"),
    ],
)
def test_wrong_choices_are_said_under_their_controls(
    open_cells: Open, discs: str, label: str, typed: str, sentence: str
) -> None:
    lab = opened(open_cells, discs, name="explore-wrong", settings='epsilons="2", seeds=1')
    page = lab.page
    field = page.get_by_label(label, exact=True)
    field.fill(typed)
    field.press("Enter")
    wrong = page.locator(".wb-field", has=field).locator(".wb-field-error")
    expect(wrong).to_contain_text(sentence)
    assert lab.violations(".wb-frame") == []
    lab.shot("explore-wrong")
