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
from workbench.errors import BadInput
from workbench.exploring.events import Explored, UnderWay
from workbench.exploring.job import SweepJob, finished_before
from workbench.exploring.recipes import recipe, recipe_names
from workbench.panels.attack_model import AttackModel
from workbench.panels.explore import ExplorePanel
from workbench.panels.explore_axes import read_varied, written
from workbench.panels.explore_beside import study_names
from workbench.panels.explore_model import ExploreModel
from workbench.panels.explore_stage import ExploreStage
from workbench.panels.explore_words import how_long, paid_by
from workbench.panels.ledger_reading import Together
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.pump import Batch
from workbench.runs import fleet
from workbench.runs.events import Cancelled, Event, Finished
from workbench.runs.jobs import start
from workbench.runs.store import Store


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trainings run in the sweep's own thread."""
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    monkeypatch.setattr("workbench.panels.explore.warm", lambda *modules: None)
    yield
    for model in list(PanelModel._living.values()):
        model.close()


def grid(discs: str, **params: Any) -> dict[str, Any]:
    small = {"data": discs, "image_size": None, "sample_rate": 0.3, "steps": 2, "seeds": 1}
    return small | {"epsilons": "2, inf"} | params


def ended(model: ExploreModel, status: str = "finished") -> ExploreModel:
    end = time.monotonic() + 300
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
    config = ExploreModel(**grid(discs, learning_rate=0.03)).config()
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


def found(epsilon: float, seed: int, score: float, **other: Any) -> Explored:
    return Explored(
        epsilon=epsilon, seed=seed, run=f"run-{epsilon:g}-{seed}", score=score, score_name="dice",
        noise_multiplier=1.0, guarantee="", **other,
    )  # fmt: skip


@pytest.mark.slow
def test_the_panel_shows_the_frontier_and_its_trainings_as_rows(discs: str) -> None:
    panel = ExplorePanel(**grid(discs, epsilons="2, 8, inf"))
    model, stage = panel.model, panel.stage
    assert isinstance(model, ExploreModel)
    panel.run_bar.press("start")
    ended(model)
    assert model.thinking.join(60)
    assert [row[0] for row in stage.frontier.runs.rows] == ["2", "8", "∞"]
    assert stage.frontier.runs.columns == ["ε", "seed", "Dice"]
    traces = {trace.name: trace for trace in stage.frontier.curve.data}
    points = next(trace for name, trace in traces.items() if name.startswith("one training"))
    assert sorted(points.customdata) == sorted(model.explored)
    assert len(traces["predict the mean mask"].y) == 2
    odds = next(trace for name, trace in traces.items() if name.startswith("member or not"))
    assert len(odds.x) >= 1
    assert [model.meaning.odds[e].accuracy > 0.5 for e in (2.0, 8.0)] == [True, True]
    assert model.meaning.odds[2.0].found < model.meaning.odds[8.0].found


def test_a_training_is_opened_by_its_point_and_by_its_row(
    discs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ExploreModel(**grid(discs))
    stage = ExploreStage(model)
    model.take(Batch([found(2.0, 0, 0.4), found(math.inf, 0, 0.9)]))
    points = next(
        at for at, trace in enumerate(stage.frontier.curve.data)
        if trace.name.startswith("one training")
    )  # fmt: skip
    told = {"trace_indexes": [points], "point_indexes": [1], "xs": [0], "ys": [0]}
    monkeypatch.setattr(stage.opened, "_draw_facts", lambda opened: None)
    stage.frontier.curve._js2py_pointsCallback = {"event_type": "plotly_click", "points": told}
    assert model.selected == "run-inf-0"
    assert stage.titles[stage.selected_index] == "Opened training"
    stage.frontier.runs._handle_custom_msg({"kind": "pick", "row": 0}, [])
    assert model.selected == "run-2-0"
    assert stage.frontier.runs.chosen == 0


def test_studies_on_the_same_data_can_be_shown_beside(discs: str) -> None:
    first = explored(discs)
    second = ExploreModel(**grid(discs, steps=3))
    assert second.explored == {}
    [(study, name)] = second.offered.items()
    assert study == first.run
    assert name == "small U-Net, 2 steps"
    second.show_beside(study, True)
    assert second.beside[study] == first.explored
    run = next(iter(first.explored))
    second.open_run(run)
    assert second.selected == run
    assert second.study_of(run) == first.explored
    second.show_beside(study, False)
    assert second.selected == ""
    assert ExploreModel(**grid(discs, unit="slice")).offered == {}


def test_a_recipe_fills_the_choices_and_is_left_when_one_is_changed(discs: str) -> None:
    model = ExploreModel(**grid(discs))
    model.choose("recipe", "liver-slices")
    chosen = recipe("liver-slices")
    assert model.data == discs
    for name, value in chosen.settings.items():
        assert getattr(model, name) == value
    assert model.seeds == chosen.study.seeds
    assert model.config().pretraining == chosen.first
    model.choose("seeds", 1)
    assert model.recipe == "liver-slices"
    model.choose("learning_rate", 0.5)
    assert model.recipe == ""
    assert model.unit == "slice"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_a_study_on_phantoms_too(name: str) -> None:
    model = ExploreModel()
    model.choose("recipe", name)
    assert model.errors == {}
    assert model.recipe == name
    assert model.study_name == name
    assert model.config().train.steps == recipe(name).settings["steps"]


def test_a_recipe_is_a_param_like_any_other(discs: str) -> None:
    model = ExploreModel(recipe="liver-slices", data=discs, steps=7)
    assert (model.data, model.steps, model.unit) == (discs, 7, "slice")


@pytest.mark.parametrize(
    ("varied", "sentence"),
    [
        ("learning_rate", "Write a setting and its values"),
        ("learning_rate = fast", "are numbers"),
        ("colour = red", "cannot vary 'colour'"),
        ("model = unet; model = mlp", "stands twice"),
        ("learning_rate = 1 .. much", "low .. high"),
        ("learning_rate = 1e-4 .. 1e-2", "a range is for"),
    ],
)
def test_a_wrong_line_of_axes_is_said_in_one_sentence(
    discs: str, varied: str, sentence: str
) -> None:
    model = ExploreModel(**grid(discs))
    model.choose("varied", varied)
    said = " ".join([*model.errors.values(), model.message])
    assert sentence in said


def test_other_settings_vary_by_a_line_of_words(discs: str) -> None:
    model = ExploreModel(**grid(discs, varied="learning-rate = 1e-3, 3e-3; trainable = all, head"))
    config = model.config()
    assert config.axes == {"learning_rate": (1e-3, 3e-3), "trainable": ("all", "head")}
    assert written(config.axes, {}) == "learning_rate = 0.001, 0.003; trainable = all, head"
    assert read_varied(written(config.axes, {}), config.train).axes == config.axes
    drawn = ExploreModel(
        **grid(discs, varied="learning_rate = 1e-4 .. 1e-2", search="random", runs=4)
    )
    assert drawn.config().ranges == {"learning_rate": (1e-4, 1e-2)}
    assert drawn.plan.startswith("4 trainings")


def test_another_metric_is_drawn_without_training_anew(discs: str) -> None:
    model = ExploreModel(**grid(discs))
    stage = ExploreStage(model)
    scores = {"dice": 0.4, "hausdorff95": 7.5}
    model.take(Batch([found(2.0, 0, 0.4, scores=scores)]))
    assert model.metrics_shown == ("dice", "hausdorff95")
    model.choose("metric", "hausdorff95")
    assert stage.frontier.runs.columns[2] == "Hausdorff 95"
    assert stage.frontier.runs.rows == [["2", "0", "7.500"]]
    assert "lower is better" in stage.frontier.curve.layout.yaxis.title.text


def test_of_own_data_the_first_training_says_what_is_measured(discs: str) -> None:
    model = ExploreModel(**grid(discs))
    one = Explored(
        epsilon=2.0, seed=0, run="a", score=0.8, score_name="auroc", noise_multiplier=1.0,
        guarantee="", scores={"auroc": 0.8},
    )  # fmt: skip
    model.take(Batch([one]))
    assert model.metric == "auroc"


def test_groups_have_a_view_only_where_there_are_groups(discs: str) -> None:
    model = ExploreModel(**grid(discs))
    stage = ExploreStage(model)
    assert stage.titles == ("Frontier", "Opened training", "Price of looking")
    groups = {"size: small": {"dice": 0.3, "count": 12.0, "patients": 12.0}}
    model.take(Batch([found(2.0, 0, 0.4, groups=groups)]))
    assert stage.titles[-1] == "Groups"
    model.explored = {}
    assert len(stage.children) == 3


@pytest.mark.slow
def test_the_noise_of_a_training_is_sent_to_the_attack_panel(discs: str) -> None:
    model = explored(discs, max_grad_norm=0.7)
    attack = AttackModel.attach("main")
    for epsilon, noise in ((2.0, True), (math.inf, False)):
        run = next(one for one in model.explored.values() if one.epsilon == epsilon)
        model.send_to_attack(run.run)
        assert attack.noise_multiplier == (run.noise_multiplier if noise else None)
        assert attack.max_grad_norm == 0.7
        assert ("noise multiplier" in model.sent) == noise
    attack.status = "running"
    with pytest.raises(BadInput, match="Attack panel is at work"):
        model.send_to_attack(run.run)
    attack.status = "idle"


def test_two_studies_of_the_same_recipe_are_told_apart(discs: str) -> None:
    slow = ExploreModel(**grid(discs, learning_rate=0.03)).config()
    fast = ExploreModel(**grid(discs, learning_rate=0.5)).config()
    names = study_names({"a": slow, "b": fast})
    assert names == {
        "a": "small U-Net, 2 steps, learning rate 0.03",
        "b": "small U-Net, 2 steps, learning rate 0.5",
    }
