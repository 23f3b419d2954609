import pytest

from workbench.errors import BadInput
from workbench.figures.leakage import draw_leakage, leakage_numbers


def test_curves_follow_the_noise_from_little_to_much() -> None:
    numbers = leakage_numbers([0.1, 0.001], {"ELU": [10.0, 50.0], "ReLU": [9.0, 20.0]})
    assert numbers.noise == (0.001, 0.1)
    assert numbers.curves == (("ELU", (50.0, 10.0)), ("ReLU", (20.0, 9.0)))


def test_axes_say_units_and_curves_differ_in_more_than_colour() -> None:
    figure = draw_leakage(leakage_numbers([0.1, 1.0], {"ELU": [10.0, 5.0], "ReLU": [9.0, 2.0]}))
    assert figure.layout.xaxis.type == "log"
    assert "dB" in figure.layout.yaxis.title.text
    first, second = figure.data
    assert first.line.dash != second.line.dash
    assert first.marker.symbol != second.marker.symbol


def test_a_bound_without_noise_is_refused() -> None:
    with pytest.raises(BadInput, match="above 0"):
        leakage_numbers([0.0, 1.0], {"ELU": [1.0, 2.0]})


def test_a_curve_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput, match="ReLU has 1 values at 2"):
        leakage_numbers([0.1, 1.0], {"ReLU": [1.0]})
