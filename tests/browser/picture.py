"""The picture in the README: the Attack panel after real attacks, in a real browser.

``make picture`` runs it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from lab_page import CHROMIUM, FLAGS, LabPage, LabServer, write_notebook
from playwright.sync_api import expect, sync_playwright

CELL = "import workbench as wb\n\nwb.AttackPanel()"
MINUTES = 60_000


def take(path: Path) -> None:
    """Attack, fill the row of noises, and photograph the panel."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            write_notebook(server.root / "picture.ipynb", [CELL])
            lab = LabPage(browser.new_page(viewport={"width": 1280, "height": 800}), server, path)
            lab.open("picture.ipynb")
            lab.run_all()
            for view, button in (("Pictures", "Start"), ("Under noise", "Fill the row")):
                lab.page.get_by_role("tab", name=view, exact=True).click(timeout=2 * MINUTES)
                lab.page.get_by_role("button", name=button, exact=True).click(timeout=2 * MINUTES)
                # "Finished" of the first stands until the second has begun.
                lab.text_is(".wb-run-status", "Running", timeout=2 * MINUTES)
                lab.text_is(".wb-run-status", "Finished", timeout=5 * MINUTES)
            expect(lab.page.locator(".wb-card-lines:not(:empty)")).to_have_count(
                7, timeout=5 * MINUTES
            )
            lab.page.locator(".wb-frame").first.screenshot(path=str(path))
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
