"""The audit panel, in JupyterLab, in a real browser, with real audits."""

from __future__ import annotations

from lab_page import LabPage, Open
from playwright.sync_api import expect

PANEL = "import workbench as wb\nwb.AuditPanel({})"
SMALL = "canaries=500, nulls=4000, steps=60"
WIDTH = """() => [...document.querySelectorAll('.wb-figure')]
  .filter(figure => figure.offsetParent)
  .map(figure => figure.querySelector('.main-svg')?.clientWidth ?? 0)[0] ?? 0"""
SLOW = 240_000
"""Milliseconds that a worker may take to start on a machine that does other work too."""


def shown(open_cells: Open, choices: str, name: str) -> LabPage:
    lab = open_cells(PANEL.format(choices), name=name)
    lab.run_all()
    expect(lab.page.locator(".wb-run-status")).to_be_visible(timeout=SLOW)
    return lab


def press(lab: LabPage, name: str) -> None:
    lab.page.get_by_role("button", name=name, exact=True).click()


def turn_to(lab: LabPage, view: str) -> None:
    lab.page.get_by_role("tab", name=view, exact=True).click()


def test_probes_come_a_verdict_stands_and_every_view_has_something_to_show(
    open_cells: Open,
) -> None:
    lab = shown(open_cells, SMALL, "audit")
    page = lab.page
    lab.shot("audit-ready")
    press(lab, "Audit")
    expect(page.locator(".wb-table tbody tr:visible").nth(2)).to_be_visible(timeout=SLOW)
    lab.shot("audit-running")
    lab.text_is(".wb-run-status", "Finished", timeout=SLOW)
    expect(page.get_by_role("status").filter(has_text="No violation found;")).to_be_visible()
    expect(page.locator(".wb-frame-foot .wb-statement")).to_contain_text("No violation found.")
    expect(page.locator(".wb-run-status").first).to_be_in_viewport()
    page.wait_for_function(f"({WIDTH})() > 600", timeout=SLOW)
    lab.shot("audit-finished")
    for view in ("Probes", "Trade-off", "Noise and sampling", "Membership", "Ethics card"):
        turn_to(lab, view)
        if view in ("Trade-off", "Noise and sampling"):
            page.wait_for_function(f"({WIDTH})() > 600", timeout=SLOW)
        if view == "Ethics card":
            expect(page.locator(".wb-ethics")).to_contain_text("worst output", timeout=SLOW)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"audit-{view.lower().replace(' ', '-')}")
    lab.theme("Dark")
    assert lab.violations(".wb-frame") == []
    lab.shot("audit-ethics-dark")
    turn_to(lab, "Verdict")
    page.wait_for_function(f"({WIDTH})() > 600", timeout=SLOW)
    lab.shot("audit-verdict-dark")
    lab.theme("Light")
    lab.save()
    lab.reload()
    expect(page.get_by_role("status").filter(has_text="No violation found;")).to_be_visible(
        timeout=SLOW
    )


def test_a_bug_is_predicted_and_caught_with_the_keyboard_alone(open_cells: Open) -> None:
    lab = shown(open_cells, f"{SMALL}, predict=True", "break")
    page = lab.page
    bug = page.get_by_label("Break it yourself", exact=True)
    bug.focus()
    page.keyboard.type("Clipping each layer")
    page.keyboard.press("Enter")
    expect(page.locator(".wb-frame-choices")).to_contain_text("Every layer's gradient is clipped")
    start = page.get_by_role("button", name="Audit", exact=True)
    start.focus()
    page.keyboard.press("Enter")
    asked = page.get_by_role("alert").filter(has_text="Predict first")
    expect(asked).to_be_visible()
    lab.shot("audit-predict-first")
    guess = page.get_by_label("What will catch it?", exact=True)
    guess.focus()
    page.keyboard.type("sens")
    page.keyboard.press("Enter")
    expect(asked).to_be_hidden()  # the kernel has heard the prediction
    start.focus()
    page.keyboard.press("Enter")
    verdict = page.get_by_role("alert").filter(has_text="Claim falsified by sensitivity")
    expect(verdict).to_be_visible(timeout=SLOW)
    expect(verdict).to_contain_text("Right: caught by sensitivity.")
    assert lab.violations(".wb-frame") == []
    lab.shot("audit-caught")
    turn_to(lab, "Probes")
    expect(page.locator(".wb-table tbody tr:visible").first).to_contain_text("caught")
    lab.shot("audit-caught-probes")


def test_the_zoo_fills_row_by_row_and_can_be_stopped(open_cells: Open) -> None:
    lab = shown(open_cells, "", "zoo")
    page = lab.page
    turn_to(lab, "Bug zoo")
    press(lab, "Run the whole zoo")
    rows = page.locator(".wb-table tbody tr:visible")
    expect(rows.nth(2)).to_be_visible(timeout=SLOW)
    expect(rows.nth(1)).to_contain_text("caught")
    lab.shot("audit-zoo-running")
    press(lab, "Stop")
    lab.text_is(".wb-run-status", "Stopped", timeout=5000)
    rows.nth(1).get_by_role("button").click()
    expect(page.get_by_label("Break it yourself", exact=True)).not_to_have_value("")
    assert lab.violations(".wb-frame") == []
    lab.shot("audit-zoo-stopped")


def test_slices_are_named_beside_the_bound_and_it_can_be_stopped(open_cells: Open) -> None:
    lab = shown(open_cells, "noise_multiplier=0.7, sample_rate=1.0, steps=2", "reconstruction")
    page = lab.page
    turn_to(lab, "Reconstruction")
    page.wait_for_function(f"({WIDTH})() > 400", timeout=SLOW)
    lab.shot("audit-reconstruction-bound")
    press(lab, "Run the attack")
    expect(page.get_by_role("button", name="Run the attack", exact=True)).to_be_disabled()
    press(lab, "Stop")
    lab.text_is(".wb-run-status", "Stopped", timeout=SLOW)
    press(lab, "Run the attack")
    lab.text_is(".wb-run-status", "Finished", timeout=SLOW)
    expect(page.locator(".wb-statement:visible", has_text="nobody can exceed")).to_be_visible()
    expect(page.locator(".wb-run-status").first).to_be_in_viewport()
    assert lab.violations(".wb-frame") == []
    lab.shot("audit-reconstruction")
    lab.theme("Dark")
    assert lab.violations(".wb-frame") == []
    lab.shot("audit-reconstruction-dark")
