from importlib.resources import files

import ipywidgets as W
import numpy as np
import plotly.graph_objects as go
import pytest
from fakes import SmallModel

from workbench.figures.theme import make_figure
from workbench.panels.parts.frame import Frame, side_by_side
from workbench.panels.parts.live_figure import LiveFigure, PlotlyBundle


def curves(**lines: list[float]) -> go.Figure:
    figure = make_figure(x_title="step", y_title="loss")
    for name, values in lines.items():
        figure.add_scatter(x=np.arange(len(values)), y=np.array(values), name=name)
    return figure


def test_a_reloaded_page_gets_the_data_of_now() -> None:
    live = LiveFigure(curves(a=[1, 2]))
    live.show_figure(curves(a=[1, 2, 3, 4]))
    [trace] = live.get_state()["_widget_data"]
    assert np.frombuffer(trace["y"]["buffer"], trace["y"]["dtype"]).tolist() == [1, 2, 3, 4]


def test_a_curve_more_or_less_is_shown_too() -> None:
    live = LiveFigure(curves(a=[1.0]))
    live.show_figure(curves(a=[1.0], b=[2.0]))
    assert [trace.name for trace in live.data] == ["a", "b"]
    live.show_figure(curves(b=[3.0]))
    assert [trace["name"] for trace in live.get_state()["_widget_data"]] == ["b"]


def test_new_numbers_keep_the_curve_that_is_on_the_page() -> None:
    live = LiveFigure(curves(a=[1.0]))
    before = live.data[0].uid
    live.show_figure(curves(a=[1.0, 2.0]))
    assert live.data[0].uid == before


def test_numbers_travel_short() -> None:
    live = LiveFigure(curves(a=[1.0]))
    live.show_figure(curves(a=[1.0, 2.0]))
    assert live.data[0].x.dtype == np.int32
    assert live.data[0].y.dtype == np.float32


def test_the_cloud_is_off() -> None:
    config = LiveFigure(curves(a=[1.0])).get_state()["_config"]
    assert config["showSendToCloud"] is False
    assert config["plotlyServerURL"] == ""


def test_figures_share_one_copy_of_plotly() -> None:
    first, second = LiveFigure(curves(a=[1.0])), LiveFigure(curves(a=[1.0]))
    assert PlotlyBundle.ensure() is PlotlyBundle.ensure()
    assert len(first.get_state()["_esm"]) + len(second.get_state()["_esm"]) < 10_000


@pytest.mark.parametrize("notes", [["a"], ["b", "a"], [], ["c"]])
def test_words_in_the_figure_are_those_of_now(notes: list[str]) -> None:
    figures = [curves(a=[1.0]) for _ in range(2)]
    for figure, words in zip(figures, (["a", "b"], notes), strict=True):
        figure.layout.annotations = [{"text": text, "x": 0, "y": 0} for text in words]
    live = LiveFigure(curves(a=[1.0]))
    for figure in figures:
        live.show_figure(figure)
    assert [note.text for note in live.layout.annotations] == notes


def clicked(live: LiveFigure, trace: int, point: int, kind: str = "plotly_click") -> None:
    """What plotly's view sends."""
    points = {"trace_indexes": [trace], "point_indexes": [point], "xs": [0], "ys": [0]}
    live._js2py_pointsCallback = {"event_type": kind, "points": points}


def test_a_click_tells_what_the_point_stands_for() -> None:
    heard: list[str] = []
    figure = curves(a=[1.0, 2.0], b=[3.0, 4.0])
    figure.data[1].customdata = ["run 0", "run 1"]
    live = LiveFigure(curves(a=[1.0]), on_click=heard.append)
    live.show_figure(figure)
    clicked(live, 1, 1)
    clicked(live, 1, 1)  # the same point once more
    clicked(live, 0, 0)  # stands for nothing
    clicked(live, 1, 0, "plotly_hover")
    assert heard == ["run 1", "run 1"]


@pytest.mark.parametrize(
    "name",
    [
        "_widget_data",
        "_widget_layout",
        "_config",
        "_js2py_traceDeltas",
        "_py2js_update",
        "_js2py_pointsCallback",
    ],
)
def test_plotly_still_has_the_private_names_that_we_use(name: str) -> None:
    assert go.FigureWidget.class_traits()[name].metadata["sync"]


def test_plotlys_bundle_still_exports_what_we_use() -> None:
    text = files("plotly").joinpath("package_data/widgetbundle.js").read_text("utf-8")
    exported = text[text.rindex("export{") :]
    assert " as default" in exported
    assert " as FigureView" in exported
    assert "autosizeFigure(){" in text


def test_layouts_never_get_a_bare_figure() -> None:
    live = LiveFigure(curves(a=[1.0]))
    [box] = side_by_side(live).children
    assert isinstance(box, W.VBox)
    frame = Frame("Panel", [], [live], SmallModel())
    assert all(not isinstance(part, go.FigureWidget) for part in frame.children[1].children)


def test_the_frame_sends_everything_again_when_the_model_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = SmallModel()
    live = LiveFigure(curves(a=[1.0]))
    sent: list[str] = []
    monkeypatch.setattr(live, "resend", lambda: sent.append("figure"))
    frame = Frame("Panel", [], [side_by_side(live)], model)
    monkeypatch.setattr(frame.run_bar, "send_state", lambda: sent.append("run bar"))
    model.resend()
    assert sorted(sent) == ["figure", "run bar"]
