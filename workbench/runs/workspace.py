"""Where the workbench keeps what it made: runs, cached phantoms, reports."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from workbench.errors import BadInput


def workspace() -> Path:
    """The workspace folder, made if need be.

    ``WORKBENCH_HOME`` if set; else ``data/`` of the checkout that the package runs from; else the
    folder that the operating system gives to applications of this user.
    """
    named = os.environ.get("WORKBENCH_HOME")
    checkout = Path(__file__).resolve().parents[2]
    if named:
        folder = Path(named).expanduser()
    elif (checkout / "pyproject.toml").is_file():
        folder = checkout / "data"
    else:
        folder = platformdirs.user_data_path("workbench")
    return make_folder(folder)


def make_folder(folder: Path) -> Path:
    """Make a folder to keep runs in, if need be.

    Raises:
        BadInput: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (PermissionError, FileExistsError, NotADirectoryError):
        raise BadInput(
            f"{folder} cannot be made or written; choose another folder with WORKBENCH_HOME."
        ) from None
    return folder
