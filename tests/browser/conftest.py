"""Fixtures for tests that drive JupyterLab in Debian's chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_page import CHROMIUM, FLAGS, LabPage, LabServer, Open, write_notebook
from playwright.sync_api import Browser, sync_playwright


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        reason = "browser tests need chromium: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def lab_server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: ``WORKBENCH_SHOTS``, or a folder that pytest keeps for a while."""
    named = os.environ.get("WORKBENCH_SHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def open_cells(browser: Browser, lab_server: LabServer, shots: Path) -> Iterator[Open]:
    """A function that writes cells into a notebook and opens it at 1280 x 800.

    At the end the test fails if the page threw an error or asked another machine for anything.
    """
    opened: list[LabPage] = []

    def open_cells(*cells: str, name: str, single: bool = True) -> LabPage:
        write_notebook(lab_server.root / f"{name}.ipynb", list(cells))
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = LabPage(context.new_page(), lab_server, shots)
        opened.append(page)
        page.open(f"{name}.ipynb", single=single)
        return page

    yield open_cells
    for page in opened:
        page.page.context.close()
    lab_server.stop_kernels()
    for page in opened:
        assert page.errors == []
        assert page.strangers() == []
