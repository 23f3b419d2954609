"""Figures become files in the formats that papers, slides and colleagues want."""

import re
from pathlib import Path

import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.figures.export import FORMATS, SHARPER, WIDTH_PX, export_figure, export_figures
from workbench.figures.theme import make_figure, make_print_figure

BEGINS = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "html": b"<!doctype html>"}


def live_figure():
    figure = make_figure(x_title="steps", y_title="Dice (0 to 1)", height=300)
    figure.add_scatter(x=[1, 2, 3], y=[0.1, 0.4, 0.5], name="epsilon 3")
    return figure


def printed_figure():
    figure, axes = make_print_figure(x_title="steps", y_title="Dice (0 to 1)")
    axes.plot([1, 2, 3], [0.1, 0.4, 0.5], label="epsilon 3")
    return figure


@pytest.mark.slow
def test_a_plotly_figure_in_every_format(tmp_path: Path) -> None:
    written = export_figures({"curve": live_figure()}, tmp_path / "new" / "folder")
    assert [path.suffix[1:] for path in written] == list(FORMATS)
    for path in written:
        assert path.read_bytes().startswith(BEGINS[path.suffix[1:]])
    with Image.open(written[0]) as picture:
        assert picture.size == (SHARPER * WIDTH_PX, SHARPER * 300)
    assert "Dice (0 to 1)" in written[1].read_text()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_matplotlib_figure_in_every_format(kind: str, tmp_path: Path) -> None:
    path = export_figure(printed_figure(), tmp_path / f"curve.{kind}")
    beginning = b"<?xml" if kind == "svg" else BEGINS[kind]
    assert path.read_bytes().startswith(beginning)


def test_the_page_needs_nothing_from_another_machine(tmp_path: Path) -> None:
    page = export_figure(live_figure(), tmp_path / "curve.html").read_text()
    tags = re.findall(r"<(?:script|link|img)[^>]*>", page)
    outside = [tag for tag in tags if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)]
    assert not outside
    assert "epsilon 3" in page


@pytest.mark.parametrize("name", ["curve", "curve.jpeg"])
def test_another_format_is_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="png, svg, pdf, html"):
        export_figure(live_figure(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BadInput, match="cannot be written"):
        export_figure(printed_figure(), tmp_path / "file" / "curve.png")


def test_without_a_browser_the_page_is_recommended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from choreographer.errors import ChromeNotFoundError
    from plotly import graph_objects as go

    def fail(*_arguments: object, **_named: object) -> bytes:
        raise ChromeNotFoundError("no browser")

    monkeypatch.setattr(go.Figure, "to_image", fail)
    with pytest.raises(BadInput, match=r"Chrome or Chromium.*\.html"):
        export_figure(live_figure(), tmp_path / "curve.pdf")
