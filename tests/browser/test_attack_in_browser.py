"""The attack panel, in JupyterLab, in a real browser, with real workers."""

import re

from lab_page import LabPage, Open
from playwright.sync_api import expect

PANEL = "from workbench.panels.attack import AttackPanel\nAttackPanel({})"
HASH = """() => {
  const canvas = document.querySelector('.wb-ct-stage canvas');
  if (!canvas || !canvas.width) return 0;
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 4) sum = (sum * 31 + pixels[at]) % 1000003;
  return sum;
}"""
CURVE = "[...document.querySelectorAll('.wb-figure .js-plotly-plot')]"
COURSE = (
    CURVE + ".find(plot => plot.data.length === 5 && plot.layout.yaxis2)?.data[0].y.length ?? 0"
)
POINTS = CURVE + ".find(plot => !plot.layout.yaxis2)?.data[0].y.length ?? 0"
SLOW = 180_000
"""Milliseconds that two workers may take to start on a machine that does other work too."""


def shown(open_cells: Open, choices: str, name: str) -> LabPage:
    lab = open_cells(PANEL.format(choices), name=name)
    lab.run_all()
    expect(lab.page.locator(".wb-ct-names")).to_be_visible(timeout=SLOW)
    return lab


def press(lab: LabPage, name: str) -> None:
    lab.page.get_by_role("button", name=name, exact=True).click()


def turn_to(lab: LabPage, view: str) -> None:
    lab.page.get_by_role("tab", name=view, exact=True).click()


def type_into(lab: LabPage, label: str, text: str) -> None:
    field = lab.page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")


def score(lab: LabPage) -> str:
    return lab.page.locator(".wb-table tbody tr").first.inner_text()


def test_a_slice_comes_back_is_stopped_at_once_and_survives_a_reload(open_cells: Open) -> None:
    lab = shown(open_cells, "seconds=120.0", "attack")
    page = lab.page
    lab.shot("attack-ready")
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Running", timeout=SLOW)
    pictures = {page.evaluate(HASH)}
    while len(pictures) < 8:
        page.wait_for_function(
            f"seen => !seen.includes(({HASH})())", arg=list(pictures), timeout=SLOW
        )
        pictures.add(page.evaluate(HASH))
    expect(page.locator(".wb-ct-frame").nth(1)).to_be_visible(timeout=SLOW)
    lab.shot("attack-running")
    press(lab, "Stop")
    lab.text_is(".wb-run-status", "Stopped", timeout=1000)
    page.wait_for_timeout(5000)  # the last state is sent once more
    before, scores, frames = page.evaluate(HASH), score(lab), page.locator(".wb-ct-frame").count()
    assert re.search(r"\d\.\d{3}", scores)  # a structural similarity
    lab.save()

    lab.reload()
    lab.text_is(".wb-run-status", "Stopped", timeout=SLOW)
    page.wait_for_function(f"hash => ({HASH})() === hash", arg=before, timeout=SLOW)
    assert score(lab) == scores
    expect(page.locator(".wb-ct-frame")).to_have_count(frames)
    lab.run_all()
    page.wait_for_function(f"hash => ({HASH})() === hash", arg=before, timeout=SLOW)
    lab.text_is(".wb-run-status", "Stopped")
    lab.shot("attack-reloaded")


def test_the_row_is_filled_and_any_of_it_can_be_looked_at(open_cells: Open) -> None:
    lab = shown(open_cells, "seconds=6.0, row_seconds=4.0, floor=True, bounds=False", "row")
    page = lab.page
    press(lab, "Start")
    lab.text_is(".wb-run-status", "Finished", timeout=SLOW)
    floor = page.locator(".wb-table tr", has_text="same attack on pure noise")
    expect(floor.locator(".wb-number")).to_have_count(3)
    expect(page.locator(".wb-compared-key")).to_contain_text("HU")
    lab.shot("attack-finished")
    turn_to(lab, "Over time")
    page.wait_for_function(f"({COURSE}) > 3", timeout=SLOW)
    lab.shot("attack-over-time")
    turn_to(lab, "Under noise")
    press(lab, "Fill the row")
    filled = page.locator(".wb-card-lines:not(:empty)")
    expect(filled).not_to_have_count(0, timeout=SLOW)
    lab.text_is(".wb-run-status", "Finished", timeout=SLOW)
    expect(filled).to_have_count(7)
    page.wait_for_function(f"({POINTS}) === 6", timeout=SLOW)
    expect(page.locator(".wb-card-lines").nth(5)).to_contain_text("ε = 4.38")
    hashes = {page.evaluate(HASH)}
    for place in (3, 6):
        page.locator(".wb-card").nth(place).click()
        page.wait_for_function(f"seen => !seen.includes(({HASH})())", arg=list(hashes))
        hashes.add(page.evaluate(HASH))
    expect(page.locator(".wb-card[aria-selected=true] .wb-card-title")).to_have_text("floor")
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"attack-row-{theme.lower()}")
    press(lab, "Back to the attack")
    page.wait_for_function(f"seen => !seen.includes(({HASH})())", arg=list(hashes))


def test_what_is_wrong_stands_under_its_control(open_cells: Open) -> None:
    lab = shown(open_cells, "", "wrong")
    page = lab.page
    start = page.get_by_role("button", name="Start", exact=True)
    error = page.locator(".wb-field-error:not(:empty)")
    type_into(lab, "Time", "0")
    expect(error).to_have_text("Time must lie between 1 s and 600 s.")
    expect(start).to_be_disabled()
    type_into(lab, "Time", "15")
    expect(error).to_have_count(0)
    type_into(lab, "Index", "3")
    expect(error).to_have_text("CT_small has one slice, number 0, not 3; choose another number.")
    lab.shot("attack-wrong-index")
    type_into(lab, "Index", "0")
    page.get_by_role("button", name="More").click()
    type_into(lab, "Side of the slice", "50")
    expect(error).to_have_text(
        "unet takes slices whose side is a multiple of 16 pixels, not 50; "
        "48 and 64 are the nearest."
    )
    press(lab, "Start")
    expect(error).to_have_count(1)
    lab.text_is(".wb-run-status", "Ready")
    type_into(lab, "Side of the slice", "48")
    page.get_by_label("Slice", exact=True).select_option("own")
    expect(error).to_have_text("Name a file or a folder on this machine.")
    type_into(lab, "File or folder", "/nowhere/scan.dcm")
    expect(error).to_contain_text("There is no file or folder /nowhere/scan.dcm", timeout=SLOW)
    assert lab.violations(".wb-frame") == []
    lab.shot("attack-wrong-path")


def test_every_view_and_both_cases_are_reached_with_the_keyboard(open_cells: Open) -> None:
    lab = shown(open_cells, "", "keyboard")
    page = lab.page
    foot = page.locator(".wb-run-status").first
    expect(foot).to_be_in_viewport()
    page.get_by_role("tab", name="Pictures", exact=True).focus()
    for view in ("Over time", "Under noise", "Bounds"):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        tab = page.get_by_role("tab", name=view, exact=True)
        expect(tab).to_have_attribute("aria-selected", "true")
        assert lab.violations(".wb-frame") == []
        lab.shot(f"attack-{view.lower().replace(' ', '-')}-empty")
    turn_to(lab, "Pictures")
    case = page.locator(".wb-frame-choices .wb-statement-text").first
    expect(case).to_contain_text("Worst case for the patient")
    page.get_by_role("button", name="Realistic case", exact=True).focus()
    page.keyboard.press("Enter")
    expect(case).to_contain_text("Realistic but for the weights", timeout=SLOW)
    expect(page.get_by_label("Batch", exact=True)).to_have_value("4")
    expect(page.locator(".wb-ct-caption")).to_contain_text("phantom-liver", timeout=SLOW)
    assert lab.violations(".wb-frame") == []
    lab.shot("attack-realistic")
    press(lab, "Worst case")
    expect(case).to_contain_text("Worst case for the patient")
