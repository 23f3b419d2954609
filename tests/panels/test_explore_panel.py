from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.exploring import sweep
from workbench.exploring.events import Explored, UnderWay
from workbench.exploring.job import SweepJob, finished_before
from workbench.panels.explore import ExplorePanel, ExploreStage
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_words import how_long, paid_by
from workbench.panels.ledger_reading import Together
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.pump import Batch
from workbench.runs.events import Cancelled, Event, Finished
from workbench.runs.jobs import start
from workbench.runs.store import Store


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trainings run in the sweep's own thread."""
    monkeypatch.setattr(sweep, "start", partial(start, where="inline"))
    monkeypatch.setattr("workbench.panels.explore.warm", lambda *modules: None)
    yield
    for model in list(PanelModel._living.values()):
        model.close()


def grid(discs: str, **params: Any) -> dict[str, Any]:
    small = {"data": discs, "image_size": None, "sample_rate": 0.3, "steps": 2, "seeds": 1}
    return small | {"epsilons": "2, inf"} | params


def ended(model: ExploreModel, status: str = "finished") -> ExploreModel:
    end = time.monotonic() + 60
    while model.status != status and time.monotonic() < end:
        time.sleep(0.02)
    assert model.status == status, model.message
    return model


def explored(discs: str, **params: Any) -> ExploreModel:
    model = ExploreModel(**grid(discs, **params))
    model.start()
    return ended(model)


def test_the_choices_are_a_study(discs: str) -> None:
    config = ExploreModel(**grid(discs, epsilons="1 3,∞", seeds=3, unit="slice")).config()
    assert config.epsilons == (1.0, 3.0, math.inf)
    assert config.seeds == 3
    assert config.train.privacy is not None
    assert config.train.privacy.unit == "slice"


@pytest.mark.parametrize(
    ("epsilons", "sentence"),
    [
        ("0, 3", "above 0, not 0"),
        ("many", "numbers with commas"),
        ("3, 3", "stands twice"),
        ("", "at least one epsilon"),
    ],
)
def test_wrong_epsilons_are_said_under_their_field(
    discs: str, epsilons: str, sentence: str
) -> None:
    model = ExploreModel(**grid(discs, epsilons=epsilons))
    assert sentence in model.errors["epsilons"]


def test_a_study_is_followed_to_its_end(discs: str) -> None:
    model = explored(discs)
    assert sorted(one.epsilon for one in model.explored.values()) == [2.0, math.inf]
    assert model.running == {}
    assert model.plan == "all 2 trainings of this study are finished"
    assert [record.study for record in Store().list("train")] == [model.run] * 2
    assert model.looking.join(60)
    assert model.guarantee.startswith(
        "The private run: ε = 2.00 per patient at δ = 0.001 (ledger)."
    )
    assert "The run without privacy cannot be counted" in model.guarantee
    assert model.tone == "open"


def test_finished_runs_are_there_before_start_and_are_not_repeated(discs: str) -> None:
    first = explored(discs)
    again = ExploreModel(**grid(discs))
    assert again.explored == first.explored
    again.start()
    ended(again)
    assert len(Store().list("train")) == 2
    again.choose("seeds", 2)
    assert again.explored == {}


def test_the_time_is_known_after_the_first_training(discs: str) -> None:
    model = ExploreModel(**grid(discs, steps=50))
    assert model.plan == "2 trainings, 2 at a time; how long is known after the first"
    explored(discs)
    later = how_long(model.config(), [], Store().list("train"), at_once=2)
    assert later.startswith("2 trainings, 2 at a time; about ")


def test_a_sweep_tells_late_listeners_everything_once(discs: str) -> None:
    config = ExploreModel(**grid(discs)).config()
    job = SweepJob(config, Store())
    job.join(60)
    assert job.status == "finished"
    heard: list[Event] = []
    job.subscribe(heard.append)()
    assert [type(event) for event in heard].count(Explored) == 2
    assert [type(event) for event in heard].count(UnderWay) == 1
    assert isinstance(heard[-1], Finished)
    assert len(finished_before(config, Store())) == 2


@pytest.mark.slow
def test_stopping_a_sweep_begins_no_further_training(discs: str) -> None:
    job = SweepJob(ExploreModel(**grid(discs, epsilons="1, 2, 3", seeds=2)).config(), Store())
    job.subscribe(lambda event: job.cancel() if isinstance(event, Explored) else None)
    job.join(60)
    assert job.status == "cancelled"
    assert isinstance(job.events[-1], Cancelled)
    assert len(Store().list("train")) < 6


@pytest.mark.slow
def test_a_paused_sweep_begins_nothing(discs: str) -> None:
    job = SweepJob(ExploreModel(**grid(discs, epsilons="inf", seeds=5)).config(), Store())
    job.pause()
    assert job.status == "paused"
    time.sleep(2)  # the trainings that had begun come to their end
    begun = len(Store().list("train"))
    time.sleep(1)
    assert len(Store().list("train")) == begun < 5
    job.go_on()
    job.join(60)
    assert job.status == "finished"


def test_who_pays_is_said_without_inventing_numbers() -> None:
    words, tone = paid_by("phantom-liver:patients=200", "patient", 8)
    assert words == "These runs cost nobody anything: the patients are drawn."
    assert tone == "quiet"
    words, tone = paid_by("/data/liver.npz", "patient", 6)
    assert "All 6 private runs" in words
    assert "more than the ε of any one" in words
    assert paid_by("/data/liver.npz", "patient", 1)[0] == ""


@pytest.mark.parametrize(
    ("charged", "private", "sentence", "tone"),
    [
        (
            Together(6, 0, 9.694, 0, 9.694, 1e-3), 6,
            "All 6 private runs together: ε = 9.70 per patient at δ = 0.001 (ledger).", "private",
        ),
        (
            Together(6, 0, 9.0, 2, 11.0, 1e-3), 6,
            "All 6 private runs together: ε = 9.00 per patient at δ = 0.001 (ledger); with 2 other "
            "runs on these data 11.00.", "private",
        ),
        (
            Together(1, 2, 3.0, 0, 3.0, 1e-3), 1,
            "The private run: ε = 3.00 per patient at δ = 0.001 (ledger). The 2 runs without "
            "privacy cannot be counted: whoever has seen the results is promised nothing.", "open",
        ),
        (
            Together(2, 0, 3.0, 0, 3.0, 1e-3), 5,
            "The 2 of 5 private runs that were charged: ε = 3.00 per patient at δ = 0.001 "
            "(ledger).", "private",
        ),
    ],
)  # fmt: skip
def test_the_ledger_says_what_all_runs_together_cost(
    charged: Together, private: int, sentence: str, tone: str
) -> None:
    assert paid_by("/data/liver.npz", "patient", private, charged) == (sentence, tone)


def test_drawn_patients_pay_nothing_and_the_ledger_says_what_real_ones_would() -> None:
    words, tone = paid_by("phantom-liver", "patient", 3, Together(3, 1, 5.0, 0, 5.0, 1e-3))
    assert words == (
        "These runs cost nobody anything: the patients are drawn. Of real ones the ledger would "
        "say: all 3 private runs together: ε = 5.00 per patient at δ = 0.001."
    )
    assert tone == "quiet"


def test_the_sum_of_a_study_is_looked_up_in_the_background(
    discs: str,
) -> None:
    store = Store()
    ledger, runs = Ledger(store.root), ["train-1-a", "train-1-b"]
    liver = Identity("discs", "a" * 16, tuple("abcd"), patients=4, largest_patient=1)
    for run in [*runs, "train-0-x"]:
        plan = Planned(noise_multiplier=8.0, sample_rate=1.0, steps=50, delta=1e-3)
        ledger.reserve(liver, plan, run=run).settle(50)
    found = [
        Explored(epsilon=2.0 + seed, seed=seed, run=run, score=0.5, score_name="dice",
                 noise_multiplier=8.0, guarantee="")
        for seed, run in enumerate(runs)
    ]  # fmt: skip
    model = ExploreModel(**grid(discs))
    model.take(Batch(found))
    assert model.looking.join(60)
    both, all_three = (round_up(gaussian_epsilon(8.0, 50 * runs, 1e-3)) for runs in (2, 3))
    assert model.guarantee == (
        f"All 2 private runs together: ε = {both} per patient at δ = 0.001 (ledger); with 1 other "
        f"run on these data {all_three}."
    )
    assert model.tone == "private"
    (store.root / "ledger.jsonl").write_text("nonsense\n")
    model.take(Batch(found))
    assert model.looking.join(60)
    assert "is damaged" in model.message


@pytest.mark.slow
def test_the_panel_shows_curve_and_table(discs: str) -> None:
    panel = ExplorePanel(**grid(discs, epsilons="2, 8, inf"))
    model = panel.model
    assert isinstance(model, ExploreModel)
    panel.run_bar.press("start")
    ended(model)
    stage = panel.children[1].children[1].children[0]
    assert isinstance(stage, ExploreStage)
    assert [row[0] for row in stage.runs.rows] == ["2", "8", "∞"]
    assert stage.runs.columns[2] == "Dice"
    assert list(stage.curve.data[2].x) == [2.0, 8.0]
    assert stage.working.layout.display == "none"
