"""Epsilon over steps, drawn."""

import math

import numpy as np
import pytest

from workbench.figures.accountants import (
    LABELS,
    AccountantNumbers,
    accountant_numbers,
    draw_accountants,
    print_accountants,
)
from workbench.figures.theme import png

STEPS = np.array([1, 10, 100])


@pytest.fixture
def numbers() -> AccountantNumbers:
    curves = {
        "gdp": (STEPS, np.array([0.1, 0.4, math.inf])),
        "rdp": (STEPS, np.array([1.0, 1.5, 3.0])),
        "prv": (STEPS[::2], np.array([0.8, 2.5])),
        "pld": (STEPS, np.array([0.7, 1.2, 2.4])),
    }
    return accountant_numbers(curves, delta=1e-5, unit="slice")


def test_the_reported_accountant_comes_first_and_infinities_are_left_out(
    numbers: AccountantNumbers,
) -> None:
    assert list(numbers.steps) == ["pld", "prv", "rdp", "gdp"] == list(numbers.epsilons)
    assert numbers.steps["gdp"] == [1, 10]
    assert numbers.epsilons["gdp"] == [0.1, 0.4]
    assert numbers.epsilons["pld"] == [0.7, 1.2, 2.4]


def test_the_figure_shows_the_numbers_with_units_on_both_axes(numbers: AccountantNumbers) -> None:
    figure = draw_accountants(numbers)
    for trace, name in zip(figure.data, numbers.steps, strict=True):
        assert list(trace.x) == numbers.steps[name]
        assert list(trace.y) == numbers.epsilons[name]
        assert trace.name == LABELS[name]
    assert figure.layout.xaxis.title.text == "steps"
    assert figure.layout.yaxis.title.text == "epsilon per slice at delta 1e-05"


def test_pld_is_bold_and_the_approximation_dashed_and_named_so(numbers: AccountantNumbers) -> None:
    pld, prv, rdp, gdp = draw_accountants(numbers).data
    assert pld.line.width > rdp.line.width
    assert (pld.line.dash, rdp.line.dash, gdp.line.dash) == ("solid", "solid", "dash")
    assert prv.mode == "markers"  # at so few steps that a line would cut corners
    assert "not a guarantee" in gdp.name
    assert len({trace.line.color for trace in (pld, prv, rdp, gdp)}) == 4


def test_one_accountant_alone_can_be_drawn() -> None:
    alone = accountant_numbers({"rdp": (STEPS, np.array([1.0, 2.0, 3.0]))}, delta=1e-3)
    assert [trace.name for trace in draw_accountants(alone).data] == ["RDP"]
    assert alone.unit == "patient"


def test_it_is_also_drawn_for_print(numbers: AccountantNumbers) -> None:
    figure = print_accountants(numbers)
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [LABELS[name] for name in numbers.steps]
    assert [line.get_linestyle() for line in axes.get_lines()] == ["-", "None", "-", "--"]
    assert png(figure).startswith(b"\x89PNG")
