import pytest

from workbench.accounting.guarantee import round_up
from workbench.accounting.mechanism import Mechanism
from workbench.exploring.price import Price, price
from workbench.figures.price import draw_price, price_numbers

RUN = Mechanism(noise_multiplier=3.0, sample_rate=0.1, steps=50)


@pytest.fixture(scope="module")
def four() -> Price:
    return price([RUN] * 4, delta=1e-3, unit="patient")


def test_every_way_of_showing_a_study_has_its_bar(four: Price) -> None:
    bars = price_numbers(four).bars
    assert (bars[0].shown, bars[0].epsilon) == ("one run alone", four.dearest)
    assert (bars[-1].shown, bars[-1].epsilon) == ("all 4 runs", four.all_shown)
    assert {bar.epsilon for bar in bars[1:-1]} == {winner.epsilon for winner in four.winners}
    names = {bar.shown.rpartition(" ")[2] for bar in bars[1:-1]}
    assert names == {"logarithmic", "geometric", "Poisson"}


def test_what_holds_under_conditions_only_is_hatched(four: Price) -> None:
    always, sometimes = draw_price(price_numbers(four)).data
    assert not always.marker.pattern.shape
    assert sometimes.marker.pattern.shape == "/"
    assert sometimes.name == "on conditions only"
    assert all(label.startswith("only the winner") for label in sometimes.y)
    assert figure_reach(four) > 1.2 * four.all_shown  # or the words behind the bar are cut off
    assert always.text[-1] == f"ε = {round_up(four.all_shown)}"


def figure_reach(found: Price) -> float:
    return float(draw_price(price_numbers(found)).layout.xaxis.range[1])


def test_the_axis_says_unit_and_delta(four: Price) -> None:
    figure = draw_price(price_numbers(four))
    assert figure.layout.xaxis.title.text == "epsilon per patient at delta 0.001"


def test_a_study_that_protects_nobody_has_no_bars() -> None:
    assert price_numbers(price([], delta=1e-3, unit="slice", bare=2)).bars == ()
    bare = Mechanism(noise_multiplier=0.0, sample_rate=0.1, steps=1)
    assert price_numbers(price([bare], delta=1e-3, unit="slice")).bars == ()
