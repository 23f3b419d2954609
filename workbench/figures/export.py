"""Figures as files: for a paper, a slide, or somebody who has no notebook."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeAlias

import plotly.graph_objects as go
from matplotlib.figure import Figure as PrintFigure

from workbench.errors import BadInput
from workbench.figures.page import Picture, Section, draw_page
from workbench.runs.files import write_whole

AnyFigure: TypeAlias = go.Figure | PrintFigure

FORMATS: Final = ("png", "svg", "pdf", "html")
WIDTH_PX: Final = 960
SHARPER: Final = 2
"""A pixel of the screen becomes so many of a PNG, for print."""


def export_figure(figure: AnyFigure, path: Path | str, *, title: str = "") -> Path:
    """Write a figure to a file, in the format that its name ends with.

    Args:
        figure: from any drawing function in ``workbench.figures``.
        path: ends with .png, .svg, .pdf, or .html for a page that needs nothing else and, where
            the figure is plotly's, can still be zoomed and hovered.
        title: of the page; matters for .html only.

    Returns:
        The path, with its folder made where it was missing.

    Raises:
        BadInput: the name ends otherwise, the place cannot be written, or a plotly figure becomes
            a picture on a machine without Chrome or Chromium.
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    content = figure_bytes(figure, kind, title=title or target.stem)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, lambda file: file.write(content))
    except OSError as error:
        raise BadInput(
            f"{target} cannot be written ({error.strerror}); name another place.", field="path"
        ) from None
    return target


def figure_bytes(figure: AnyFigure, kind: str, *, title: str = "figure") -> bytes:
    """A figure as the content of a file.

    Args:
        figure: as for :func:`export_figure`.
        kind: one of ``FORMATS``.
        title: of an HTML page.

    Raises:
        BadInput: as for :func:`export_figure`.
    """
    if kind not in FORMATS:
        raise BadInput(
            f"A figure can be written as {', '.join(FORMATS)}, not as {kind!r}; let the name of "
            "the file end with one of these.",
            field="path",
        )
    if kind == "html":
        section = Section(title="", parts=(Picture(figure=figure, shows=title),))
        return draw_page(title, "", [section]).encode()
    return _printed(figure, kind) if isinstance(figure, PrintFigure) else _drawn(figure, kind)


def export_figures(
    figures: Mapping[str, AnyFigure], folder: Path, kinds: tuple[str, ...] = FORMATS
) -> list[Path]:
    """Several figures into one folder, each written in every format.

    Args:
        figures: by file name without ending.
        folder: to write into.
        kinds: formats.

    Raises:
        BadInput: as for :func:`export_figure`.
    """
    with _one_browser():
        return [
            export_figure(figure, folder / f"{name}.{kind}", title=name.replace("_", " "))
            for name, figure in figures.items()
            for kind in kinds
        ]


@contextmanager
def _one_browser() -> Iterator[None]:
    """Keep the browser between figures: it takes longer to start than to draw."""
    import kaleido

    script = str(files("plotly").joinpath("package_data", "plotly.min.js"))
    kaleido.start_sync_server(n=1, plotlyjs=script, silence_warnings=True)
    try:
        yield
    finally:
        kaleido.stop_sync_server(silence_warnings=True)


def _printed(figure: PrintFigure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=100 * SHARPER)
    return buffer.getvalue()


def _drawn(figure: go.Figure, kind: str) -> bytes:
    """By kaleido, which lets a browser of this machine draw; nothing goes over a network."""
    from choreographer.errors import ChromeNotFoundError

    height = figure.layout.height or 400
    scale = SHARPER if kind == "png" else 1
    width = figure.layout.width or WIDTH_PX
    try:
        with warnings.catch_warnings():
            # What plotly would ask of a browser of its own, the one that is kept has been told.
            warnings.filterwarnings("ignore", message="The kopts argument is ignored")
            content: bytes = go.Figure(figure).to_image(kind, width, height, scale)
    except (ChromeNotFoundError, RuntimeError) as error:
        raise BadInput(
            f"A {kind} of this figure needs Chrome or Chromium on this machine ({_first(error)}); "
            "install one, or write it as .html.",
            field="path",
        ) from None
    return content


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
