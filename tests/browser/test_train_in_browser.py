"""The train panel in JupyterLab, in a real browser, with tiny data and real trainings."""

from __future__ import annotations

import pytest
from lab_page import LabPage, Open
from playwright.sync_api import expect

SETTINGS = "image_size=None, sample_rate=0.3, delta=1e-3, steps={steps}"
POINTS = "document.querySelector('.wb-figure .js-plotly-plot')?.data?.[{trace}]?.y?.length ?? 0"
SCORES, BUDGET = POINTS.format(trace=2), POINTS.format(trace=3)
CAPTION = ".wb-card-lines"
PATIENCE_MS = 120_000


@pytest.fixture
def panel(open_cells: Open, discs: str, request: pytest.FixtureRequest) -> LabPage:
    return opened(open_cells, discs, name=request.node.name, steps=400)


def opened(open_cells: Open, discs: str, *, name: str, steps: int) -> LabPage:
    settings = SETTINGS.format(steps=steps)
    lab = open_cells(
        f"from workbench.panels.train import TrainPanel\nTrainPanel(data={discs!r}, {settings})",
        name=name,
    )
    lab.run_all()
    lab.page.wait_for_selector(".wb-figure .main-svg", timeout=PATIENCE_MS)
    return lab


def press(lab: LabPage, name: str) -> None:
    lab.page.get_by_role("button", name=name, exact=True).click()


def test_curves_grow_pictures_change_and_stop_answers_within_a_second(panel: LabPage) -> None:
    page = panel.page
    panel.shot("train-ready")
    press(panel, "Train")
    panel.text_is(".wb-run-status", "Running", timeout=PATIENCE_MS)
    seen: set[str] = set()
    while len(seen) <= 4:
        caption = page.locator(CAPTION).first
        expect(caption).not_to_have_text(next(iter(seen), "-"), timeout=PATIENCE_MS)
        seen.add(caption.text_content() or "")
    page.wait_for_function(f"({SCORES}) > 3 && ({BUDGET}) > 10", timeout=PATIENCE_MS)
    expect(page.locator(".wb-statement-text").last).to_contain_text("Planned: (")
    panel.shot("train-running")

    press(panel, "Pause")
    panel.text_is(".wb-run-status", "Paused")
    page.wait_for_timeout(1000)
    standing = page.evaluate(BUDGET)
    page.wait_for_timeout(1000)
    assert page.evaluate(BUDGET) == standing
    press(panel, "Continue")
    page.wait_for_function(f"({BUDGET}) > {standing}", timeout=PATIENCE_MS)

    press(panel, "Stop")
    panel.text_is(".wb-run-status", "Stopped", timeout=1000)
    expect(page.locator(".wb-statement-text").last).to_contain_text("Stopped after")
    panel.shot("train-stopped")


def test_a_finished_training_is_back_after_a_reload(open_cells: Open, discs: str) -> None:
    lab = opened(open_cells, discs, name="train-reload", steps=40)
    press(lab, "Train")
    lab.text_is(".wb-run-status", "Finished", timeout=PATIENCE_MS)
    page = lab.page
    page.wait_for_function(f"({BUDGET}) === 40")
    promise = page.locator(".wb-statement-text").last.text_content() or ""
    assert "-DP per patient" in promise
    captions = page.locator(CAPTION).all_text_contents()
    assert lab.violations(".wb-frame") == []
    lab.shot("train-finished")
    lab.save()

    lab.reload()
    page.wait_for_function(f"({BUDGET}) === 40", timeout=PATIENCE_MS)
    lab.text_is(".wb-run-status", "Finished")
    expect(page.locator(".wb-statement-text").last).to_have_text(promise)
    assert page.locator(CAPTION).all_text_contents() == captions
    page.get_by_label("Overlay", exact=True).select_option("attribution")
    expect(page.locator(".wb-key")).to_be_visible()
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"train-attribution-{theme.lower()}")


def test_wrong_choices_are_said_under_their_controls(panel: LabPage) -> None:
    page = panel.page
    epsilon = page.get_by_label("Target epsilon", exact=True)
    epsilon.fill("0")
    epsilon.press("Enter")
    wrong = page.locator(".wb-field", has=epsilon).locator(".wb-field-error")
    expect(wrong).to_have_text("Target epsilon must lie between 0.1 and 100.")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    epsilon.fill("3")
    epsilon.press("Enter")
    path = page.get_by_label("File or folder")
    path.fill("/nowhere/slices.npz")
    path.press("Enter")
    press(panel, "Train")
    missing = page.locator(".wb-field", has=path).locator(".wb-field-error")
    expect(missing).to_contain_text("There is no file or folder /nowhere/slices.npz",
                                    timeout=PATIENCE_MS)  # fmt: skip
    panel.text_is(".wb-run-status", "Stopped by an error")
    assert panel.violations(".wb-frame") == []
    panel.shot("train-wrong")
