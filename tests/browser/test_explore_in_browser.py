"""The explore panel in JupyterLab, in a real browser, with tiny data and real trainings."""

from __future__ import annotations

import pytest
from lab_page import LabPage, Open
from playwright.sync_api import expect

PATIENCE_MS = 240_000
ROWS = ".wb-table tbody tr:has-text('…'):not(:has-text('%'))"
MEDIANS = "document.querySelector('.wb-figure .js-plotly-plot')?.data?.[2]?.y?.length ?? 0"


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


def restart(lab: LabPage) -> None:
    lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    lab.wait_ready()


def test_a_study_fills_its_curve_and_goes_on_after_a_restart(open_cells: Open, discs: str) -> None:
    lab = opened(
        open_cells, discs, name="explore", settings='epsilons="2, 8, inf", seeds=2, steps=40'
    )
    page = lab.page
    lab.shot("explore-ready")
    press(lab, "Explore")
    lab.text_is(".wb-run-status", "Running", timeout=PATIENCE_MS)
    expect(page.locator(".wb-table td:has-text('%')").first).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_function(f"({MEDIANS}) > 0", timeout=PATIENCE_MS)
    lab.shot("explore-running")
    press(lab, "Pause")
    lab.text_is(".wb-run-status", "Paused")
    press(lab, "Continue")
    lab.text_is(".wb-run-status", "Running")
    press(lab, "Stop")
    lab.text_is(".wb-run-status", "Stopped", timeout=1000)
    # Of the last training the end may be on its way while the study stops.
    page.wait_for_timeout(3000)
    finished = page.locator(ROWS).count()
    assert 0 < finished < 6

    restart(lab)
    shown(lab)
    expect(page.locator(ROWS)).to_have_count(finished)
    press(lab, "Explore")
    lab.text_is(".wb-run-status", "Finished", timeout=2 * PATIENCE_MS)
    expect(page.locator(ROWS)).to_have_count(6)
    lab.save()

    lab.reload()
    page.wait_for_function(f"({MEDIANS}) === 2", timeout=PATIENCE_MS)
    expect(page.locator(ROWS)).to_have_count(6)
    price = page.locator(".wb-statement-text").last
    expect(price).to_contain_text("All 4 private runs together: ε = ", timeout=PATIENCE_MS)
    expect(price).to_contain_text("The 2 runs without privacy cannot be counted")
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"explore-finished-{theme.lower()}")


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
