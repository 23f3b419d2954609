"""A JupyterLab server of its own, and one notebook opened from it in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import nbformat
from playwright.sync_api import Page, Request, expect

from workbench.cli.lab import free_port

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
LOCAL = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|(data|blob|about|chrome):")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")


START = """
import sys
from pathlib import Path
from workbench.cli import lab

usual = lab.lab_options
exposed = "--LabApp.expose_app_in_browser=True"
lab.lab_options = lambda *args, **kwargs: [*usual(*args, **kwargs), exposed]
lab.serve(Path(sys.argv[1]), "start.ipynb", port=int(sys.argv[2]), browser=False)
"""
"""What `workbench lab` does, with the door open through which tests run Lab's commands."""


class LabServer:
    """`workbench lab` on a free port, with nothing of this machine's own Jupyter settings."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "notebooks"
        self.root.mkdir(parents=True)
        self.port = free_port(0)
        self.token = "browser-test"
        self.log = (folder / "server.log").open("w")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JUPYTER", "IPYTHON", "PYTEST"))
        }
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
                     "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR",
                     "WORKBENCH_HOME"):  # fmt: skip
            environment[name] = str(folder / name.lower())
            Path(environment[name]).mkdir()
        environment |= {
            "JUPYTER_TOKEN": self.token,
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(HERE)]),
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(self.root), str(self.port)],
            env=environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._wait()

    def address(self, path: str, *, single: bool = True) -> str:
        mode = "doc" if single else "lab"
        return f"http://127.0.0.1:{self.port}/{mode}/tree/{path}?token={self.token}"

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()

    def stop_kernels(self) -> None:
        """End all kernels, and with them the worker processes that panels keep warm."""
        for kernel in json.loads(self._ask("GET", "api/kernels")):
            self._ask("DELETE", f"api/kernels/{kernel['id']}")

    def _ask(self, method: str, path: str) -> bytes:
        url = f"http://127.0.0.1:{self.port}/{path}?token={self.token}"
        with urllib.request.urlopen(
            urllib.request.Request(url, method=method), timeout=30
        ) as answer:
            content: bytes = answer.read()
        return content

    def _wait(self) -> None:
        end = time.monotonic() + 60
        url = f"http://127.0.0.1:{self.port}/api/status?token={self.token}"
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not start; see {self.log.name}")


class LabPage:
    """One notebook, open in the browser; remembers errors and every address that was asked."""

    def __init__(self, page: Page, server: LabServer, shots: Path) -> None:
        self.page = page
        self.server = server
        self.shots = shots
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def open(self, name: str, *, single: bool = True) -> None:
        self.page.goto(self.server.address(name, single=single))
        self.wait_ready()

    def wait_ready(self) -> None:
        self.page.wait_for_function(
            """() => {
              const current = window.jupyterapp?.shell.currentWidget;
              return current?.context?.isReady
                && current.sessionContext?.session?.kernel?.status === "idle";
            }""",
            timeout=60_000,
        )

    def command(self, name: str, *, wait: bool = True, **arguments: Any) -> None:
        call = "([name, args]) => { const done = window.jupyterapp.commands.execute(name, args);"
        call += " return done; }" if wait else " }"
        self.page.evaluate(call, [name, arguments])

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def busy(self, seconds: float) -> None:
        """Keep the kernel from answering for a while; returns at once."""
        self.page.evaluate(
            """code => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
                .requestExecute({code}); }""",
            f"import time; time.sleep({seconds})",
        )

    def save(self) -> None:
        self.command("docmanager:save")

    def reload(self) -> None:
        self.page.reload()
        self.wait_ready()

    def theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=f"JupyterLab {name}")
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light",
            arg="true" if name == "Light" else "false",
        )

    def text_is(self, selector: str, text: str, timeout: float = 30_000) -> None:
        expect(self.page.locator(selector).first).to_have_text(text, timeout=timeout)

    def shot(self, name: str) -> Path:
        path = self.shots / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path

    def violations(
        self, selector: str, impacts: tuple[str, ...] = ("serious", "critical")
    ) -> list[str]:
        """What axe finds inside the elements of ``selector``, in sentences."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("selector => window.axe.run({include: [[selector]]})", selector)[
            "violations"
        ]
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:200]}"
            for one in found
            if one["impact"] in impacts
            for node in one["nodes"]
        ]

    def strangers(self) -> list[str]:
        """Addresses outside this machine that were asked for."""
        return [address for address in self.requests if not LOCAL.match(address)]

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)


def write_notebook(path: Path, cells: list[str]) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    nbformat.write(notebook, path)


Open = Callable[..., LabPage]
