"""A self-contained HTML page of texts, pictures, curves and tables."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2
import plotly.graph_objects as go
from matplotlib.figure import Figure as PrintFigure

from workbench.figures.theme import figure_html, png


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under column titles, all as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure with what it shows in words, for those who cannot see it."""

    figure: PrintFigure | go.Figure
    shows: str


@dataclass(frozen=True, kw_only=True)
class Markup:
    """HTML of a figure that is made of words, such as the ethics card."""

    html: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page.

    Attributes:
        title: its heading.
        paragraphs: texts before the rest.
        parts: pictures, tables and pieces of HTML, in order.
        notes: small print after them.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    parts: tuple[Picture | Table | Markup, ...] = ()
    notes: tuple[str, ...] = ()


def draw_page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML.

    Args:
        title: heading and window title.
        lead: one paragraph under it.
        sections: in reading order.
    """
    source = files("workbench.figures").joinpath("page.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True).from_string(source)
    scripted = False
    drawn: list[dict[str, object]] = []
    for section in sections:
        parts: list[dict[str, object]] = []
        for part in section.parts:
            if isinstance(part, Table):
                parts.append({"table": part})
            elif isinstance(part, Markup):
                parts.append({"markup": part.html})
            elif isinstance(part.figure, go.Figure):
                live = figure_html(part.figure, with_plotly=not scripted)
                parts.append({"live": live, "shows": part.shows})
                scripted = True
            else:
                parts.append({"picture": _data_url(png(part.figure)), "shows": part.shows})
        drawn.append({"about": section, "parts": parts})
    return template.render(title=title, lead=lead, sections=drawn)


def _data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
