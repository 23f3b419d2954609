from workbench.figures.engines import draw_engines, engine_numbers
from workbench.training.compared import ORDINARY, Compared

ROWS = [
    Compared(engine="bookkeeping", seconds=0.11, ratio=1.1, memory_mib=42),
    Compared(engine=ORDINARY, seconds=0.1, ratio=1.0, memory_mib=40),
    Compared(engine="opacus-ew", refused="it cannot"),
]


def test_the_ordinary_step_comes_first_and_refusals_have_no_bar() -> None:
    numbers = engine_numbers(ROWS)
    assert numbers.names == [ORDINARY, "bookkeeping"]
    assert numbers.ratios == [1.0, 1.1]


def test_both_axes_say_what_they_show_and_in_which_unit() -> None:
    figure = draw_engines(engine_numbers(ROWS))
    assert "over the ordinary" in figure.layout.xaxis.title.text
    assert "MiB" in figure.layout.xaxis2.title.text
    assert list(figure.data[0].text) == ["1.00 x", "1.10 x"]


def test_nothing_compared_yet_is_an_empty_figure() -> None:
    assert len(draw_engines(engine_numbers([])).data) == 2
