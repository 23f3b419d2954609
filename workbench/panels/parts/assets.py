"""Reads the browser side of the parts: plain JavaScript and CSS files, joined without a build."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def script(*names: str) -> str:
    """The named ``.js`` files one after the other, as one module.

    Args:
        names: file names without suffix; the last one holds the ``export default``.
    """
    return "\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in names)


@cache
def sheet(*names: str) -> str:
    """The named ``.css`` files one after the other."""
    return "\n".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in names)
