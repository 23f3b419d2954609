"""A search that learns from scores: better than chance, the same after a break, and it ends."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median
from typing import Any

import pytest

from workbench.errors import BadInput
from workbench.exploring.bayesian import STARTUP, Bayesian
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialBegun, UnderWay
from workbench.exploring.job import finished_before
from workbench.exploring.search import Proposer
from workbench.exploring.sweep import Sweep
from workbench.exploring.trial import Trial
from workbench.runs import fleet
from workbench.runs.events import Event
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

RANGES = {"learning_rate": (1e-5, 1e-1), "max_grad_norm": (1e-2, 1e1), "ema_decay": (0.5, 0.999)}
Score = Callable[[Trial], float]


def study(**settings: Any) -> ExploreConfig:
    train = TrainConfig(privacy=PrivacyConfig(target_epsilon=8.0, delta=1e-3))
    given: dict[str, Any] = {"train": train, "epsilons": (8.0,), "seeds": 1, "runs": 30}
    return ExploreConfig(**{**given, "search": "bayesian", "ranges": RANGES} | settings)


def hill(*top: float) -> Score:
    """Highest, at 0, at these logarithms of rate, norm and distance of the decay to 1."""

    def score(trial: Trial) -> float:
        config = trial.config
        norm = config.privacy.max_grad_norm if config.privacy else 1.0
        place = (config.learning_rate, norm, 1 - config.ema_decay)
        return -sum((math.log10(at) - best) ** 2 for at, best in zip(place, top, strict=True))

    return score


HILL = hill(-3.0, -0.5, -2.0)


def told(trial: Trial, score: float, name: str = "dice") -> Explored:
    return Explored(
        epsilon=trial.epsilon, seed=trial.seed, run="r", score=score, score_name=name,
        noise_multiplier=1.0, guarantee="", choices=trial.choices,
    )  # fmt: skip


def carry_on(proposer: Proposer, score: Score, *, at_once: int = 1, most: int = 999) -> list[Trial]:
    """Ask and tell until nothing is left, several trainings at work at any time."""
    asked: list[Trial] = []
    at_work: list[Trial] = []
    while len(asked) < most:
        while len(at_work) < at_once and (trial := proposer.ask()) is not None:
            at_work.append(trial)
            asked.append(trial)
        if not at_work:
            break
        done = at_work.pop(0)
        proposer.tell(told(done, score(done)))
    return asked


def best(trials: Iterable[Trial], score: Score) -> float:
    return max(map(score, trials))


@pytest.mark.parametrize("at_once", [1, 4])
def test_it_finds_better_settings_than_drawing_them(at_once: int) -> None:
    hills = [hill(-3, -0.5, -2), hill(-4.2, 0.5, -1), hill(-2, -1.7, -0.6), hill(-1.3, 0.8, -2.8)]
    learned = [best(carry_on(Bayesian(study()), each, at_once=at_once), each) for each in hills]
    drawn = [best(study(search="random").trials(), each) for each in hills]
    assert median(learned) > median(drawn) / 2  # both are negative: half as far from the top
    assert sum(a > b for a, b in zip(learned, drawn, strict=True)) >= 3


def test_where_less_is_better_it_looks_for_less() -> None:
    config = study(metric="hausdorff95")
    asked = carry_on(Bayesian(config), lambda trial: -HILL(trial))
    assert best(asked, HILL) > best(study(search="random").trials(), HILL)


def test_the_same_scores_lead_to_the_same_proposals() -> None:
    assert carry_on(Bayesian(study()), HILL) == carry_on(Bayesian(study()), HILL)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("finished", [2, 14, 29])
def test_a_break_changes_nothing_in_what_is_tried(finished: int, seeds: int) -> None:
    config = study(seeds=seeds)
    whole = carry_on(Bayesian(config), HILL)
    again = Bayesian(config)
    for trial in whole[:finished]:
        again.tell(told(trial, HILL(trial)))
    assert len(again) == 30 - finished
    assert carry_on(again, HILL) == whole[finished:]


def test_a_larger_budget_goes_on_where_the_smaller_one_ended() -> None:
    short = carry_on(Bayesian(study(runs=12)), HILL)
    assert len(short) == 12
    assert carry_on(Bayesian(study(runs=20)), HILL)[:12] == short


def test_every_seed_of_a_point_is_trained_and_the_budget_counts_them_all() -> None:
    asked = carry_on(Bayesian(study(seeds=3, runs=31)), HILL, at_once=2)
    points = Counter(str(trial.choices) for trial in asked)
    assert len(asked) == 31
    assert sorted(points.values()) == [1] + 10 * [3]


def test_a_point_is_as_good_as_its_middle_seed() -> None:
    """One lucky seed in three must not draw the search away from the hill."""

    def lucky(trial: Trial) -> float:
        return 100.0 if trial.seed == 2 and trial.config.learning_rate > 3e-2 else HILL(trial)

    asked = carry_on(Bayesian(study(seeds=3, runs=90)), lucky)
    steady = carry_on(Bayesian(study(seeds=3, runs=90)), HILL)
    assert asked == steady


def test_trainings_side_by_side_do_not_crowd_at_one_point() -> None:
    proposer = Bayesian(study(runs=60))
    carry_on(proposer, HILL, most=20)
    beside = [proposer.ask() for _ in range(6)]
    rates = {trial.config.learning_rate for trial in beside if trial is not None}
    assert len(rates) == 6


def test_each_promise_is_searched_by_itself_and_in_turns() -> None:
    config = study(epsilons=(1.0, 8.0, math.inf), axes={"unit": ("patient", "slice")}, runs=40)
    asked = carry_on(Bayesian(config), HILL)
    places = Counter((trial.epsilon, trial.choices["unit"]) for trial in asked)
    assert places == {
        (1.0, "patient"): 8, (1.0, "slice"): 8, (8.0, "patient"): 8, (8.0, "slice"): 8,
        (math.inf, None): 8,
    }  # fmt: skip
    bare = [trial for trial in asked if trial.epsilon == math.inf]
    assert all(trial.config.privacy is None for trial in bare)
    assert all(trial.choices["max_grad_norm"] is None for trial in bare)


def test_noise_multipliers_take_the_place_of_epsilons() -> None:
    config = study(epsilons=(), axes={"noise_multiplier": (0.5, 2.0)}, runs=16)
    asked = carry_on(Bayesian(config), HILL)
    assert Counter(trial.choices["noise_multiplier"] for trial in asked) == {0.5: 8, 2.0: 8}
    assert all(math.isnan(trial.epsilon) for trial in asked)


def test_it_ends_when_everything_was_tried() -> None:
    axes = {"optimizer": ("adam", "sgd"), "steps": (10, 20, 40), "weight_standardisation": (True,)}
    proposer = Bayesian(study(axes=axes, ranges={}, runs=50))
    asked = carry_on(proposer, lambda trial: trial.config.steps / 100)
    assert len(asked) == len({(t.config.optimizer, t.config.steps) for t in asked}) == 6
    assert len(proposer) == 0
    assert proposer.ask() is None


def test_a_single_promise_without_anything_free_is_trained_once() -> None:
    config = study(
        epsilons=(8.0, math.inf), ranges={"max_grad_norm": RANGES["max_grad_norm"]}, runs=9
    )
    asked = carry_on(Bayesian(config), lambda trial: 0.5)
    assert Counter(trial.epsilon for trial in asked) == {8.0: 8, math.inf: 1}


def test_values_stay_in_their_range_and_are_written_short() -> None:
    ranges = {"ema_decay": (0.99, 0.99999), "steps": (10, 30), "learning_rate": (1e-3, 1.23456e-3)}
    asked = carry_on(Bayesian(study(ranges=ranges)), lambda trial: float(trial.config.steps))
    for trial in asked:
        assert 0.99 <= trial.config.ema_decay <= 0.99999
        assert 10 <= trial.config.steps <= 30
        assert 1e-3 <= trial.config.learning_rate <= 1.23456e-3
    assert max(trial.config.steps for trial in asked[STARTUP:]) == 30


def test_a_training_that_is_lost_is_proposed_again_and_counts_once() -> None:
    proposer = Bayesian(study(runs=8))
    lost = proposer.ask()
    assert lost is not None
    proposer.again(lost)
    asked = carry_on(proposer, HILL)
    assert asked[0] == lost
    assert len(asked) == 8


def test_a_score_that_is_no_number_is_no_score() -> None:
    asked = carry_on(
        Bayesian(study()), lambda trial: math.nan if trial.config.learning_rate > 1e-3 else 0.5
    )
    assert len(asked) == 30


def test_optuna_says_nothing_and_listens_again_afterwards(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    with caplog.at_level(logging.DEBUG):
        carry_on(Bayesian(study(runs=9)), HILL)
    assert not [record for record in caplog.records if record.name.startswith("optuna")]
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"runs": None}, "A Bayesian search goes on for ever; say after how many runs"),
        ({"ranges": {}}, "A Bayesian search needs axes or ranges"),
        ({"ranges": {}, "axes": {"unit": ("slice",)}}, "needs axes or ranges"),
        (
            {"epsilons": (), "ranges": {"noise_multiplier": (0.5, 2), "steps": (1, 9)}},
            "would only find that less privacy scores higher; name values",
        ),
        ({"search": "clever"}, "Search must be grid or random or bayesian"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        study(**settings)


def real(data: str, runs: int) -> ExploreConfig:
    privacy = PrivacyConfig(target_epsilon=8.0, delta=1e-3)
    train = TrainConfig(data=data, steps=1, sample_rate=0.3, model="unet-small", privacy=privacy)
    ranges = {"learning_rate": (1e-5, 1e-1)}
    return study(train=train, epsilons=(math.inf,), seeds=2, runs=runs, ranges=ranges)


def test_a_study_that_is_taken_up_again_repeats_nothing_and_goes_on(
    discs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    monkeypatch.setattr(fleet, "_LOOK_SECONDS", 0.01)
    store = Store()

    def carried_out(runs: int) -> list[Event]:
        return list(Sweep(real(discs, runs), store, at_once=1).events())

    first = [one for one in carried_out(3) if isinstance(one, Explored)]
    assert len(first) == 3
    assert finished_before(real(discs, 3), store) == first
    assert real(discs, 3).trials() == []

    second = carried_out(5)
    explored = [event for event in second if isinstance(event, Explored)]
    assert explored[:3] == first
    assert len([event for event in second if isinstance(event, TrialBegun)]) == 2
    assert len(store.list("train")) == 5
    rates = [one.choices["learning_rate"] for one in explored]
    assert [one.seed for one in explored] == [0, 1, 0, 1, 0]
    assert rates[0::2][:2] == rates[1::2]
    assert len(set(rates)) == 3
    looks = [event for event in second if isinstance(event, UnderWay)]
    assert (looks[-1].done, looks[-1].total, looks[-1].seconds_left) == (5, 5, 0)
