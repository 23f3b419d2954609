"""``workbench lab``: JupyterLab on the first lesson, on this machine only."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadInput
from workbench.runs.workspace import workspace

HELP: Final = "open JupyterLab on the first lesson"

FIRST_LESSON: Final = "notebooks/00_start_here.ipynb"

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    # A privacy tool asks no other machine for news or updates.
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    # What a panel shows comes back after a page reload only if the notebook was saved.
    "@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 15},
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say which options the command takes."""
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument("--port", type=int, default=0, help="a port of this machine; 0 picks one")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Serve until it is stopped.

    Raises:
        BadInput: there is no checkout with lessons, or the port is taken.
    """
    root = checkout()
    port = free_port(args.port)
    shown = not args.no_browser and has_browser()
    address = serve(root, FIRST_LESSON, port=port, browser=shown)
    return {"address": address}


def tell(result: dict[str, Any]) -> str:
    """What stands on the terminal when it is over."""
    return f"The workbench at {result['address']} is closed."


def checkout() -> Path:
    """The folder that holds the lessons.

    Raises:
        BadInput: the package is installed without them.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / FIRST_LESSON).is_file():
        raise BadInput(
            f"There is no {FIRST_LESSON} in {root}: the lessons come with the source code, "
            "so clone the repository and run `make lab` there."
        )
    return root


def serve(root: Path, notebook: str, *, port: int, browser: bool) -> str:
    """Run JupyterLab in this process until it is stopped.

    Args:
        root: the folder it shows.
        notebook: what it opens, relative to ``root``.
        port: a free port of this machine.
        browser: whether to open a browser.

    Returns:
        The address it had, without its token.
    """
    from jupyterlab.labapp import LabApp

    token = os.environ.setdefault("JUPYTER_TOKEN", secrets.token_hex(24))
    _prepend("JUPYTER_CONFIG_PATH", settings_folder())
    _prepend("PYTHONPATH", Path(__file__).resolve().parents[2])
    address = f"http://127.0.0.1:{port}/lab/tree/{notebook}"
    print(_announcement(f"{address}?token={token}", browser), file=sys.stderr, flush=True)
    LabApp.launch_instance(lab_options(root, notebook, port=port, browser=browser))
    return address


def lab_options(root: Path, notebook: str, *, port: int, browser: bool) -> list[str]:
    """The options that JupyterLab is given.

    The token is not among them: other people of this machine can read command lines, so it goes
    by the environment.
    """
    options = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{notebook}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=None",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.open_browser={browser}",
        "--Application.log_level=WARN",
    ]
    if os.name == "posix":
        # Between server and kernel nothing goes over the network, not even the loopback.
        options.append("--KernelManager.transport=ipc")
        if os.geteuid() == 0:
            options.append("--ServerApp.allow_root=True")
    return options


def settings_folder() -> Path:
    """A private folder of Jupyter settings, written anew; other settings stay as they are."""
    folder = workspace() / "jupyterlab"
    target = folder / "labconfig" / "default_setting_overrides.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    target.write_text(json.dumps(SETTINGS, indent=2), encoding="utf-8")
    return folder


def free_port(wanted: int) -> int:
    """The wanted port if it is free, 8888 or any free one where 0 is wanted.

    Raises:
        BadInput: the wanted port is taken or is no port.
    """
    for port in (wanted,) if wanted else (8888, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise BadInput(f"Port {wanted} cannot be used on this machine; choose another or leave it out.")


def has_browser() -> bool:
    """Whether this machine can show a page."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _announcement(address: str, browser: bool) -> str:
    first = "The workbench opens in your browser." if browser else "Open this in a browser:"
    return f"\n  {first}\n\n      {address}\n\n  Stop it with Ctrl-C.\n"


def _prepend(variable: str, folder: Path) -> None:
    rest = os.environ.get(variable)
    os.environ[variable] = str(folder) if not rest else f"{folder}{os.pathsep}{rest}"
