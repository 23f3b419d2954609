"""Pages of audits for people."""

from __future__ import annotations

from pathlib import Path


def write_report(path: Path, page: str) -> None:
    """Write a page whole or not at all, in folders that are made if need be.

    Raises:
        BadInput: it cannot be written.
    """
    from workbench.runs.files import write_whole

    write_whole(path, lambda file: file.write(page.encode()))
