"""The ethics-board card: natural frequencies that are bounds, in words that anybody reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.accounting.attacker import BLIND, CERTAIN, Odds
from workbench.accounting.mechanism import Mechanism
from workbench.figures.ethics_card import EthicsNumbers, ethics_cards, ethics_html, ethics_numbers


def numbers(odds: Odds, predictive: float, posterior: float) -> EthicsNumbers:
    return EthicsNumbers("A run", 1.0, 1e-5, "patient", odds, predictive, posterior)


@pytest.mark.parametrize(
    ("noise", "rate", "counts"),
    [(1.0, 0.05, (670, 8, 992, 17)), (2.0, 0.1, (640, 6, 966, 10))],
)
def test_known_runs_have_the_known_frequencies(
    noise: float, rate: float, counts: tuple[int, ...]
) -> None:
    run = [Mechanism(noise_multiplier=noise, sample_rate=rate, steps=200)]
    found = ethics_numbers(run, delta=1e-5, unit="patient", name="A run")
    assert [card.count for card in ethics_cards(found)] == pytest.approx(counts, abs=5)


def test_a_run_that_gives_nothing_away_leaves_blind_guesses() -> None:
    cards = ethics_cards(numbers(BLIND, 0.01, 0.5))
    assert [(card.count, card.of) for card in cards] == [
        (500, 1000), (1, 100), (500, 1000), (1, 1000),
    ]  # fmt: skip


def test_a_run_without_noise_leaves_everything_open() -> None:
    run = [Mechanism(noise_multiplier=0.0, sample_rate=0.5, steps=10)]
    found = ethics_numbers(run, delta=1e-5, unit="patient", name="A run")
    assert found.odds == CERTAIN
    assert [card.count for card in ethics_cards(found)] == [1000, 51, 1000, 1000]
    assert "ε = ∞" in ethics_html(found)


@given(*[st.floats(0, 1)] * 4)
def test_counts_are_bounds_and_there_are_as_many_dots(
    accuracy: float, named: float, predictive: float, posterior: float
) -> None:
    known = numbers(Odds(accuracy, 0.0, named), predictive, posterior)
    shares = (accuracy, predictive, posterior, named)
    for card, share in zip(ethics_cards(known), shares, strict=True):
        assert share * card.of - 1e-5 <= card.count <= share * card.of + 1
    pictures = re.findall(r"<svg.*?</svg>", ethics_html(known))
    for picture, card in zip(pictures, ethics_cards(known), strict=True):
        assert f'aria-label="{card.count} of {card.of} dots"' in picture
        rows = re.findall(r'M([\d.]+) [\d.]+H([\d.]+)" stroke="(#\w+)"', picture)
        dots = [(round(float(end) - float(start) + 0.99), colour) for start, end, colour in rows]
        assert sum(count for count, _ in dots) == card.of
        assert sum(count for count, colour in dots if colour == "#D55E00") == card.count


def test_the_worst_output_and_the_chosen_operating_point_are_called_so() -> None:
    page = ethics_html(numbers(BLIND, 0.01, 0.5))
    assert "worst output" in page
    assert "chosen operating point" in page
    assert "slice" not in page


def test_words_from_outside_are_text() -> None:
    known = numbers(BLIND, 0.01, 0.5)._replace(name="<script>x</script>")
    assert "<script>" not in ethics_html(known)
