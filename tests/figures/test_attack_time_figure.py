"""The figure of an attack's seconds keeps apart what the attacker sees and what it does not."""

from __future__ import annotations

from workbench.figures.attack_time import TOP_DECIBEL, TimeNumbers, draw_time, traces

NUMBERS = TimeNumbers(
    gaps=((0.5, 1.0), (2.0, 0.01)), floor_gaps=((1.0, 0.5),), psnr=((0.5, 12.0), (2.0, 155.0)),
    floor_psnr=((1.0, 8.0),), blind=10.0, seconds=15.0,
)  # fmt: skip


def test_the_score_is_above_and_what_the_attacker_sees_below() -> None:
    figure = draw_time(NUMBERS)
    assert figure.layout.yaxis.title.text == "PSNR (dB)"
    assert figure.layout.yaxis2.type == "log"
    assert "relative" in figure.layout.yaxis2.title.text
    assert figure.layout.xaxis2.title.text == "time (s)"
    assert list(figure.data[3].y) == [1.0, 0.01]
    assert figure.data[3].yaxis == "y2"


def test_what_is_exact_is_drawn_at_the_top() -> None:
    assert list(traces(NUMBERS)[0].y) == [12.0, TOP_DECIBEL]


def test_the_axis_is_as_long_as_the_attack_may_take() -> None:
    assert draw_time(NUMBERS).layout.xaxis.range == (0, 15.0)
    assert list(traces(NUMBERS)[2].x) == [0.0, 15.0]


def test_each_look_is_named_once() -> None:
    named = [trace.name for trace in traces(NUMBERS) if trace.showlegend is not False]
    assert named == ["slice", "pure noise", "best blind guess"]
    assert len({trace.line.dash for trace in traces(NUMBERS)[:3]}) == 3


def test_before_the_attack_the_figure_has_the_same_traces() -> None:
    empty = draw_time(TimeNumbers((), (), (), (), None, 15.0))
    assert [trace.name for trace in empty.data] == [trace.name for trace in traces(NUMBERS)]
    assert not any(len(trace.x) for trace in empty.data)
