"""What looking costs, as the panel tells it."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import pytest
from recorded_study import DATA, by_run, record

from workbench.accounting.guarantee import round_up
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.selection.selection import CONDITIONS
from workbench.errors import BadInput
from workbench.exploring.events import Explored
from workbench.exploring.price import Price, price
from workbench.exploring.study_price import ADVICE, price_of_study
from workbench.panels import explore_price
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_price import DRAWN, LookingPrice
from workbench.panels.explore_words import paid_by
from workbench.panels.ledger_reading import together

PATIENCE_S = 300
SENTENCES = ("lead", "worth", "patients", "ledger")


@pytest.fixture
def model() -> Iterator[ExploreModel]:
    made = ExploreModel()
    yield made
    made.close()


@pytest.fixture(scope="module")
def priced() -> Price:
    """The price of two runs, where a test is about when it is shown and not about what it is."""
    run = Mechanism(noise_multiplier=2.0, sample_rate=0.3, steps=40)
    return price([run, run], delta=1e-3, unit="patient")


@pytest.fixture
def three(model: ExploreModel) -> list[Explored]:
    runs = [
        record(model.store, 1.0, noise=4.0),
        record(model.store, 3.0),
        record(model.store, math.inf),
    ]
    model.explored = by_run(*runs)
    return runs


def reckoned(view: LookingPrice) -> LookingPrice:
    assert view.reckoning.join(PATIENCE_S)
    return view


def words(view: LookingPrice) -> str:
    return " ".join(getattr(view, name).text for name in SENTENCES)


def bars(view: LookingPrice) -> dict[str, float]:
    assert view.figure is not None
    traces: Any = view.figure.data
    return {name: e for trace in traces for name, e in zip(trace.y, trace.x, strict=True)}


def hidden(view: LookingPrice) -> bool:
    return {part.layout.display for part in (view.top, *view.folds)} == {"none"}


def test_nothing_is_said_before_a_run_has_finished(model: ExploreModel) -> None:
    view = LookingPrice(model)
    assert hidden(view)
    assert view.state.text == ""
    assert view.figure is None


def test_every_way_of_showing_the_study_has_a_bar(
    model: ExploreModel, three: list[Explored]
) -> None:
    view = reckoned(LookingPrice(model))
    found = price_of_study(model.explored, model.store, model.ledger)
    assert found is not None
    assert not hidden(view)
    assert view.state.text == ""
    shown = bars(view)
    assert shown["one run alone"] == pytest.approx(found.dearest)
    assert shown["both runs"] == pytest.approx(found.all_shown)
    assert len(shown) == 5
    assert found.worth in words(view)


def test_the_conditions_are_listed_and_said_not_to_hold_here(
    model: ExploreModel, three: list[Explored]
) -> None:
    view = reckoned(LookingPrice(model))
    assert tuple(row[1] for row in view.conditions.rows) == CONDITIONS
    assert "do not hold" in view.not_here.text
    whole = [row[1] for row in view.statements.rows]
    assert len(whole) == 5
    assert all("0.001)-DP per patient" in statement for statement in whole)


def test_on_real_patients_the_advice_comes_first_and_drawn_ones_are_called_so(
    model: ExploreModel, three: list[Explored]
) -> None:
    model.data = "phantom-liver:patients=20"
    model.explored = by_run(*three)
    assert reckoned(LookingPrice(model)).lead.text == DRAWN
    model.data = "/data/liver"
    model.explored = by_run(*three)
    assert reckoned(LookingPrice(model)).lead.text == ADVICE


def test_bars_and_the_sentence_of_the_ledger_agree_and_do_not_repeat_each_other(
    model: ExploreModel, three: list[Explored]
) -> None:
    view = reckoned(LookingPrice(model))
    charged = together(model.ledger, model.explored.keys())
    assert charged is not None
    every = bars(view)["both runs"]
    assert charged.epsilon == pytest.approx(every, rel=1e-3)
    assert model.ledger.account(DATA).epsilon == pytest.approx(every, rel=1e-3)
    foot, _ = paid_by("liver", "patient", 2, charged)
    assert f"ε = {round_up(every)} per patient" in foot
    for sentence in foot.split(". "):
        assert sentence not in words(view)
    assert "cannot be counted" not in words(view)


def test_a_study_that_protects_nobody_has_no_price(model: ExploreModel) -> None:
    model.explored = by_run(record(model.store, math.inf))
    view = reckoned(LookingPrice(model))
    assert hidden(view)
    assert "protects anybody" in view.state.text


def test_while_a_price_is_reckoned_the_old_one_is_gone(
    model: ExploreModel,
    three: list[Explored],
    priced: Price,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = reckoned(LookingPrice(model))
    go_on = threading.Event()
    asked: list[int] = []

    def slowly(runs: Collection[str], *others: Any) -> Price | None:
        asked.append(len(runs))
        assert go_on.wait(PATIENCE_S)
        return replace(priced, runs=len(runs) - 1)

    monkeypatch.setattr(explore_price, "price_of_study", slowly)
    for epsilon in (8.0, 9.0, 10.0):
        model.explored = {**model.explored, **by_run(record(model.store, epsilon))}
        assert hidden(view)
    assert view.state.text == "Reckoning what looking at 6 runs costs …"
    go_on.set()
    reckoned(view)
    assert "all 5 runs" in bars(view)
    assert not hidden(view)
    assert asked[-1] == 6
    assert len(asked) <= 2  # what was asked for in between is skipped


def test_an_answer_that_comes_too_late_is_not_shown(
    model: ExploreModel,
    three: list[Explored],
    priced: Price,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()

    def slowly(runs: Collection[str], *others: Any) -> Price | None:
        assert go_on.wait(PATIENCE_S)
        return priced

    monkeypatch.setattr(explore_price, "price_of_study", slowly)
    view = LookingPrice(model)
    model.explored = {}
    go_on.set()
    reckoned(view)
    assert hidden(view)
    assert view.state.text == ""


def test_what_nobody_looks_at_is_not_reckoned(
    model: ExploreModel, three: list[Explored], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = LookingPrice(model, awake=False)
    assert hidden(view)
    assert view.state.text == ""
    view.awake = True
    assert "both runs" in bars(reckoned(view))
    monkeypatch.setattr(explore_price, "price_of_study", lambda *_: pytest.fail("reckoned again"))
    view.awake = False
    view.awake = True
    reckoned(view)


def test_what_cannot_be_priced_is_said_in_a_sentence(
    model: ExploreModel, three: list[Explored], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Price | None:
        raise BadInput("The ledger is damaged.")

    monkeypatch.setattr(explore_price, "price_of_study", refuse)
    view = reckoned(LookingPrice(model))
    assert view.state.text == "The ledger is damaged."
    assert hidden(view)
    assert model.message == ""
