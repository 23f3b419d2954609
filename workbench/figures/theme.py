"""One look for every figure: palette, plotly template, safe plotly settings, matplotlib style.

The figures stand on a light card, which is right for a report; inside a panel
:class:`workbench.panels.parts.live_figure.LiveFigure` lets them follow JupyterLab's theme.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as PrintFigure

PALETTE: Final[Mapping[str, str]] = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "grey": "#767676",
    "yellow": "#F0E442",
}
"""Okabe & Ito (2008), told apart with every common colour blindness. Their black is a grey here
because it must be seen on a dark page too; yellow is for fills, not for lines."""

COLORWAY: Final = tuple(colour for name, colour in PALETTE.items() if name != "yellow")
DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS: Final = ("circle", "square", "diamond", "triangle-up", "x", "cross")

MAP_COLOURS: Final = "cividis"
"""Colour map for values from low to high."""

SIGNED_COLOURS: Final = ("#0072B2", "#F7F7F7", "#E69F00")
"""Against, nothing, for: the two ends and the middle of a signed map."""

SAFE_CONFIG: Final[Mapping[str, Any]] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
}
"""Plotly settings under which a figure's numbers cannot leave the machine.

Plotly 7 offers by default to upload the data of any figure; ``showSendToCloud`` takes that away.
"""

TEMPLATE: Final = "workbench"

_INK = "#2b2f36"
_FAINT = "#dfe2e7"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def colour(index: int) -> str:
    """The colour of the ``index``-th curve, starting again after seven."""
    return COLORWAY[index % len(COLORWAY)]


def style(index: int) -> dict[str, Any]:
    """Line and marker of the ``index``-th curve: never told apart by colour alone."""
    return {
        "line": {"color": colour(index), "dash": DASHES[index % len(DASHES)], "width": 2},
        "marker": {"color": colour(index), "symbol": MARKERS[index % len(MARKERS)], "size": 7},
    }


def make_figure(*, x_title: str, y_title: str, height: int = 260, **layout: Any) -> go.Figure:
    """An empty plotly figure in the workbench's look.

    Args:
        x_title: what the x axis shows and in which unit (``"steps"``, ``"time (s)"``).
        y_title: the same for the y axis (``"Dice (0 to 1)"``).
        height: pixels.
        layout: further plotly layout values.

    Raises:
        ValueError: an axis has no title; a figure without units is not shown to anyone.
    """
    _need_titles(x_title, y_title)
    figure = go.Figure(layout={"template": TEMPLATE, "height": height})
    figure.update_xaxes(title_text=x_title)
    figure.update_yaxes(title_text=y_title)
    figure.update_layout(layout)
    return figure


def figure_html(figure: go.Figure, *, with_plotly: bool = False) -> str:
    """A figure as a piece of an HTML page that asks no other machine for anything.

    Args:
        figure: any plotly figure.
        with_plotly: put plotly's own 5 MB script in front; once per page.
    """
    html: str = figure.to_html(
        config=dict(SAFE_CONFIG), include_plotlyjs=with_plotly, full_html=False
    )
    return html


def make_print_figure(
    *, x_title: str, y_title: str, inches: tuple[float, float] = (5.0, 3.0)
) -> tuple[PrintFigure, Axes]:
    """An empty matplotlib figure with one pair of axes, without pyplot's global state.

    Panels call back from several threads; pyplot would mix their figures up.

    Args:
        x_title: what the x axis shows and in which unit.
        y_title: the same for the y axis.
        inches: width and height.

    Raises:
        ValueError: an axis has no title.
    """
    _need_titles(x_title, y_title)
    figure = _agg_figure(inches)
    axes = figure.add_subplot()
    _dress(axes)
    axes.set_xlabel(x_title, color=_INK, fontsize=10)
    axes.set_ylabel(y_title, color=_INK, fontsize=10)
    return figure, axes


def make_picture_figure(
    rows: int, columns: int, *, side_inches: float = 1.6
) -> tuple[PrintFigure, list[list[Axes]]]:
    """A matplotlib sheet of ``rows`` x ``columns`` pictures without axes."""
    figure = _agg_figure((side_inches * columns, (side_inches + 0.3) * rows))
    grid = [
        [figure.add_subplot(rows, columns, row * columns + column + 1) for column in range(columns)]
        for row in range(rows)
    ]
    for axes in (axes for line in grid for axes in line):
        axes.set_axis_off()
        axes.title.set(fontsize=9, color=_INK)
    return figure, grid


def png(figure: PrintFigure, *, dpi: int = 150) -> bytes:
    """A matplotlib figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _agg_figure(inches: tuple[float, float]) -> PrintFigure:
    figure = PrintFigure(figsize=inches, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _dress(axes: Axes) -> None:
    axes.set_prop_cycle(color=COLORWAY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9aa0a8")
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(True, color=_FAINT, linewidth=0.7)
    axes.set_axisbelow(True)


def _need_titles(*titles: str) -> None:
    if not all(title.strip() for title in titles):
        raise ValueError(f"Every axis needs a title with its unit, not {titles!r}.")


def _template() -> go.layout.Template:
    axis = {
        "automargin": True,
        "gridcolor": _FAINT,
        "linecolor": "#9aa0a8",
        "showline": True,
        "ticks": "outside",
        "tickcolor": "#9aa0a8",
        "ticklen": 4,
        "title": {"standoff": 8, "font": {"size": 13}},
        "zeroline": False,
    }
    return go.layout.Template(
        layout={
            "colorway": COLORWAY,
            "font": {"family": _FONT, "size": 12, "color": _INK},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "margin": {"l": 56, "r": 16, "t": 28, "b": 44},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "title": {"font": {"size": 14}, "x": 0, "xref": "paper"},
            "xaxis": axis,
            "yaxis": axis,
            "colorscale": {"sequential": MAP_COLOURS},
        },
        data={"heatmap": [{"colorscale": MAP_COLOURS}]},
    )


def _register() -> None:
    """Make the template known, and every plotly figure of this process safe to show."""
    pio.templates[TEMPLATE] = _template()
    for name in pio.renderers:
        config = getattr(pio.renderers[name], "config", None)
        if isinstance(config, dict):
            pio.renderers[name].config = {**config, **SAFE_CONFIG}


_register()
