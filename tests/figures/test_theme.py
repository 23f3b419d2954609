import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from workbench.figures.theme import (
    COLORWAY,
    DASHES,
    MARKERS,
    PALETTE,
    figure_html,
    make_figure,
    make_picture_figure,
    make_print_figure,
    png,
    style,
)

# Machado, Oliveira & Fernandes (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "protanopia": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
    "tritanopia": np.array(
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]
    ),
}


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ rgb / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_curves_are_told_apart_with_every_colour_blindness(blindness: str) -> None:
    seen = [lab(np.clip(BLINDNESS[blindness] @ linear(c), 0, 1)) for c in COLORWAY]
    nearest = min(
        np.linalg.norm(one - other) for at, one in enumerate(seen) for other in seen[at + 1 :]
    )
    assert nearest > 10


@pytest.mark.parametrize("name", ["blue", "vermillion", "green", "grey"])
@pytest.mark.parametrize("page", ["#ffffff", "#212121"])
def test_the_colours_that_matter_are_seen_on_light_and_dark_pages(name: str, page: str) -> None:
    assert contrast(PALETTE[name], page) > 3


def test_curves_differ_by_more_than_colour() -> None:
    looks = {(style(at)["line"]["dash"], style(at)["marker"]["symbol"]) for at in range(6)}
    assert len(looks) == len(DASHES) == len(MARKERS) == 6


@pytest.mark.parametrize(("x", "y"), [("", "loss"), ("step", " ")])
def test_an_axis_without_a_title_is_refused(x: str, y: str) -> None:
    with pytest.raises(ValueError, match="needs a title"):
        make_figure(x_title=x, y_title=y)
    with pytest.raises(ValueError, match="needs a title"):
        make_print_figure(x_title=x, y_title=y)


def test_a_figure_carries_the_workbenchs_look() -> None:
    figure = make_figure(x_title="step", y_title="Dice (0 to 1)", height=200)
    assert figure.layout.template.layout.colorway == COLORWAY
    assert figure.layout.yaxis.title.text == "Dice (0 to 1)"
    assert figure.layout.height == 200


def test_no_figure_of_this_process_offers_an_upload() -> None:
    bundle = pio.renderers["plotly_mimetype"].to_mimebundle(go.Figure().to_dict())
    config = bundle["application/vnd.plotly.v1+json"]["config"]
    assert config["showSendToCloud"] is False
    assert config["plotlyServerURL"] == ""


def test_html_asks_no_other_machine() -> None:
    html = figure_html(make_figure(x_title="a", y_title="b"))
    assert '"showSendToCloud": false' in html
    assert "cdn." not in html
    assert "<script src=" not in html


def test_print_figures_need_no_pyplot() -> None:
    figure, axes = make_print_figure(x_title="noise multiplier", y_title="SSIM (0 to 1)")
    axes.plot([0, 1], [1, 0])
    assert png(figure).startswith(b"\x89PNG")
    sheet, grid = make_picture_figure(2, 3)
    grid[1][2].imshow(np.zeros((4, 4)))
    assert png(sheet, dpi=50).startswith(b"\x89PNG")
