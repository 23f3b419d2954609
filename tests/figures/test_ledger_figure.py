"""The ledger's figure draws what was charged, what is allowed and what would come."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.figures.ledger import LedgerNumbers, draw_ledger, ledger_numbers, traces

LIVER = Identity("liver <CT>", "a" * 16, tuple("abcdefgh"), patients=4, largest_patient=2)


def plan(**other: Any) -> Planned:
    """Sampling rate 1, where epsilon has a closed form."""
    values = {"noise_multiplier": 8.0, "sample_rate": 1.0, "steps": 100, "delta": 1e-4}
    return Planned(**{**values, **other})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def numbers_of(ledger: Ledger, planned: Planned | None = None) -> LedgerNumbers:
    outlook = None if planned is None else ledger.would_cost(LIVER, planned)
    return ledger_numbers(ledger.history(LIVER), ledger.account(LIVER), outlook)


def told(ledger: Ledger) -> LedgerNumbers:
    """Three runs: one that ended, one without protection, one that never reported its end."""
    ledger.reserve(LIVER, plan(), run="r1").settle(60)
    ledger.reserve(LIVER, plan(unprotected="no privacy", delta=0.0), run="r2").settle(100)
    ledger.reserve(LIVER, plan(unit="slice"), run="r3")
    ledger.set_budget(LIVER, epsilon=50, delta=1e-4)
    return numbers_of(ledger, plan())


def by_name(numbers: LedgerNumbers) -> dict[str, Any]:
    return {trace.name: trace for trace in traces(numbers)}


def test_every_run_is_where_its_kind_is(ledger: Ledger) -> None:
    numbers = told(ledger)
    assert [mark.number for mark in numbers.settled] == [1]
    assert [mark.number for mark in numbers.unprotected] == [2]
    assert [mark.number for mark in numbers.standing] == [3]
    drawn = by_name(numbers)
    assert list(drawn["no protection"].y) == [0]
    assert list(drawn["charged as counted"].y) == [numbers.composed[1]]


def test_the_steps_are_the_composed_epsilon_and_stand_still_where_nothing_protects(
    ledger: Ledger,
) -> None:
    numbers = told(ledger)
    none, first, second, third = numbers.composed
    assert none == 0
    assert first == second == pytest.approx(gaussian_epsilon(8.0, 60, 1e-4), rel=1e-3)
    # 60 steps of one slice's weight and 100 of a patient with two: mu squared adds.
    assert third == pytest.approx(gaussian_epsilon(8.0, 60 + 100 * 4, 1e-4), rel=1e-3)
    assert list(by_name(numbers)["all runs together"].x) == [0, 1, 2, 3]


def test_the_budget_and_the_next_run_reach_beyond_the_last_run(ledger: Ledger) -> None:
    numbers = told(ledger)
    drawn = by_name(numbers)
    assert list(drawn["budget"].y) == [50, 50]
    [label] = draw_ledger(numbers).layout.annotations
    assert (label.text, label.y) == ("budget 50", 50)
    assert drawn["budget"].line.dash == "dash"
    coming = drawn["next run"]
    assert list(coming.x) == [3, 4]
    assert coming.y[1] == pytest.approx(gaussian_epsilon(8.0, 560, 1e-4), rel=1e-3)
    assert (coming.line.dash, coming.marker.symbol) == ("dot", "circle-open")


def test_a_next_run_that_protects_nobody_lies_on_the_axis(ledger: Ledger) -> None:
    told(ledger)
    numbers = numbers_of(ledger, plan(noise_multiplier=0.0))
    assert numbers.after == math.inf
    coming = by_name(numbers)["next run"]
    assert coming.y[1] == 0
    assert coming.marker.symbol == "x-thin-open"
    assert "protect nobody" in coming.hovertext[1]
    assert draw_ledger(numbers).layout.yaxis.range[1] < math.inf


def test_the_pointer_finds_everything_about_a_run(ledger: Ledger) -> None:
    numbers = told(ledger)
    [settled], [open_], [bare] = numbers.settled, numbers.standing, numbers.unprotected
    assert "run r1" in settled.said
    assert "per patient" in settled.said
    assert "liver &lt;CT&gt;" in settled.said
    assert "noise multiplier 8, sample rate 1, 60 of 100 steps" in settled.said
    assert "charged for the steps counted" in settled.said
    assert "the patient with 2 slices" in open_.said
    assert "never reported its end: charged in full" in open_.said
    assert f"alone ε = {math.ceil(100 * gaussian_epsilon(4.0, 100, 1e-4)) / 100:.2f}" in open_.said
    assert "protects nobody: no privacy" in bare.said


def test_the_axes_say_unit_and_delta_and_the_days(ledger: Ledger) -> None:
    numbers = told(ledger)._replace(days=["20 Nov", "20 Nov", "21 Nov"])
    layout = draw_ledger(numbers).layout
    assert layout.yaxis.title.text == "epsilon per patient<br>at delta = 0.0001"
    assert layout.yaxis.range[1] > 50
    assert list(layout.xaxis.tickvals) == [1, 2, 3, 4]
    assert list(layout.xaxis.ticktext) == ["1<br>20 Nov", "2", "3<br>21 Nov", "next run"]


def test_of_many_runs_only_some_are_named(ledger: Ledger) -> None:
    many = told(ledger)._replace(days=["20 Nov"] * 100, composed=[float(e) for e in range(101)])
    named = draw_ledger(many).layout.xaxis
    assert len(named.tickvals) <= 16
    assert named.ticktext[1] == "9"


def test_nothing_charged_is_an_empty_figure_with_the_same_traces(ledger: Ledger) -> None:
    numbers = ledger_numbers([], None, None)
    figure = draw_ledger(numbers)
    assert [trace.name for trace in figure.data] == [trace.name for trace in traces(told(ledger))]
    assert figure.layout.yaxis.title.text == "epsilon per patient"
    assert list(figure.data[0].y) == [0]
    assert [label.text for label in figure.layout.annotations] == [""]


def test_kinds_of_runs_differ_in_more_than_colour(ledger: Ledger) -> None:
    drawn = by_name(told(ledger))
    kinds = ("charged as counted", "charged in full", "no protection", "next run")
    assert len({drawn[kind].marker.symbol for kind in kinds}) == len(kinds)
