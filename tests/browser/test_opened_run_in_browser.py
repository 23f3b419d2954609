"""An opened training and the price of looking, in JupyterLab, in a real browser."""

from __future__ import annotations

from pathlib import Path

from lab_page import LabPage, Open
from playwright.sync_api import expect

PANELS = Path(__file__).resolve().parents[1] / "panels"
STUDY = f"""
import math, sys
sys.path.insert(0, {str(PANELS)!r})
import ipywidgets as W
from recorded_study import by_run, pictures, record
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_opened import OpenedRun
from workbench.panels.explore_price import LookingPrice
from workbench.panels.parts.frame import Frame
model = ExploreModel()
shares = {{1.0: 0.0, 3.0: 0.5, math.inf: 1.0}}
runs = [record(model.store, epsilon, arrays=pictures(share=share, side=16))
        for epsilon, share in shares.items()]
model.explored = by_run(*runs)
opened, price = OpenedRun(model), LookingPrice(model)
views = W.Tab([opened, price], titles=("Opened training", "Price of looking"))
views.add_class("wb-views")
Frame("Explore", [], [views], model)
"""
BLUE = """() => [...document.querySelectorAll('.wb-grid canvas')].map(canvas => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let more = 0;
  for (let at = 0; at < pixels.length; at += 4) more += pixels[at + 2] - pixels[at];
  return Math.round(more / (pixels.length / 4));
})"""
"""How much bluer than grey each picture is: masks are blue, reasons orange or blue."""


def shown(open_cells: Open, name: str) -> LabPage:
    lab = open_cells(STUDY, name=name)
    lab.run_all()
    lab.page.wait_for_selector(".wb-grid canvas", timeout=120_000)
    lab.page.locator(".wb-frame").scroll_into_view_if_needed()
    return lab


def test_masks_and_reasons_of_three_patients_stand_side_by_side(open_cells: Open) -> None:
    lab = shown(open_cells, "opened")
    page = lab.page
    expect(page.locator(".wb-grid canvas")).to_have_count(9)
    page.wait_for_function(f"({BLUE})()[2] > ({BLUE})()[1] + 2", timeout=30_000)
    nothing, half, whole = page.evaluate(BLUE)[:3]
    assert nothing < half < whole
    head = page.get_by_role("button", name="ε = 3, seed 0", exact=True)
    head.focus()
    head.press("Enter")
    expect(head).to_have_attribute("aria-pressed", "true", timeout=30_000)
    expect(page.get_by_role("img", name="patient 1, ε = 3, seed 0, Dice 0.67")).to_be_visible()
    expect(page.locator(".wb-frame-stage .wb-statement-text").first).to_be_visible()
    expect(page.get_by_role("cell", name="3.00 at δ = 0.001")).to_be_visible(timeout=30_000)
    lab.shot("opened-masks")
    lab.busy(5)
    page.get_by_label("Overlay", exact=True).select_option("attribution")
    page.wait_for_function(f"Math.abs(({BLUE})()[0] - {nothing}) > 2", timeout=4_000)
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
        lab.shot(f"opened-reasons-{theme.lower()}")
    page.locator(".wb-grid canvas").nth(2).click()
    expect(page.get_by_role("button", name="Attack without noise")).to_be_visible(timeout=30_000)
    page.locator(".wb-grid canvas").nth(0).click()
    page.get_by_role("button", name="Attack at this noise").click()
    said = page.get_by_text("The Attack panel now has noise multiplier 2")
    expect(said).to_be_visible(timeout=60_000)
    lab.shot("opened-sent")


def test_the_price_of_looking_lists_its_conditions(open_cells: Open) -> None:
    lab = shown(open_cells, "price")
    page = lab.page
    page.get_by_role("tab", name="Price of looking").click()
    page.wait_for_selector(".wb-figure .main-svg", timeout=120_000)
    bars = page.locator(".wb-figure .ytick text")
    expect(bars).to_have_count(5, timeout=60_000)
    expect(bars.last).to_have_text("both runs")
    lab.shot("price")
    page.get_by_role("button", name="When only the winner is paid for").click()
    expect(page.get_by_text("the number of runs is drawn in secret")).to_be_visible()
    expect(page.get_by_text("Of this study they do not hold")).to_be_visible()
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        assert lab.violations(".wb-frame") == []
    lab.shot("price-conditions")
