"""All panels on one desk, in a real browser."""

from __future__ import annotations

from lab_page import Open
from playwright.sync_api import expect

SEEN = {
    "Explore": "Explore",
    "Attack": "Start",
    "Audit": "Audit",
    "Ledger": "The next run by other accountants",
    "Train": "Train",
}
"""A button of each panel that must be seen without scrolling."""

WIDTHS = """() => [...document.querySelectorAll('.wb-frame')]
  .filter(frame => frame.offsetParent)
  .flatMap(frame => [...frame.querySelectorAll('.main-svg')].map(svg => svg.clientWidth))"""


def test_every_tab_shows_its_panel_in_full(open_cells: Open) -> None:
    lab = open_cells("import workbench as wb\nwb.desk()", name="desk")
    lab.run_all()
    page = lab.page
    page.wait_for_selector(".wb-figure .main-svg", timeout=120_000)
    for title, button in SEEN.items():
        page.get_by_role("tab", name=title, exact=True).click()
        expect(page.locator(".wb-frame:visible")).to_have_count(1)
        start = page.get_by_role("button", name=button, exact=True)
        expect(start).to_be_in_viewport(ratio=1)
        if title != "Attack":
            page.wait_for_function(f"Math.min(...({WIDTHS})()) > 300", timeout=60_000)
        assert lab.violations(".wb-desk") == []
        lab.shot(f"desk-{title.lower()}")
