"""Which trainings a study consists of, and which studies make no sense."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.exploring.axes import AXES, drawn
from workbench.exploring.config import ExploreConfig
from workbench.runs.configs import config_from_json, config_key, config_to_json
from workbench.training.config import PrivacyConfig, TrainConfig

TRAIN = TrainConfig(
    data="somewhere", sample_rate=0.3, privacy=PrivacyConfig(target_epsilon=1.0, delta=1e-3)
)
RANDOM: dict[str, Any] = {
    "search": "random",
    "epsilons": (3.0, math.inf),
    "axes": {"unit": ("patient", "slice"), "weight_standardisation": (False, True)},
    "ranges": {"learning_rate": (1e-4, 1e-2), "steps": (50, 400), "ema_decay": (0.9, 0.999)},
    "runs": 12,
}


def study(**settings: Any) -> ExploreConfig:
    return ExploreConfig(**{"train": TRAIN, "epsilons": (3.0,), "seeds": 1} | settings)


def test_a_grid_is_every_combination_once() -> None:
    config = study(
        epsilons=(1.0, 8.0),
        seeds=2,
        axes={"learning_rate": (1e-3, 3e-3), "unit": ("patient", "slice")},
    )
    trials = config.trials()
    places = {
        (t.epsilon, t.seed, t.config.learning_rate, t.config.privacy and t.config.privacy.unit)
        for t in trials
    }
    assert len(trials) == len(places) == 16
    assert [trial.seed for trial in trials] == [0] * 8 + [1] * 8
    assert trials[0].choices == {"learning_rate": 1e-3, "unit": "patient"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("max_grad_norm", (0.5, 2.0)),
        ("unit", ("patient", "slice")),
        ("engine", ("bookkeeping", "opacus-hooks")),
        ("model", ("unet", "unet-small")),
        ("steps", (10, 20)),
        ("sample_rate", (0.1, 0.5)),
        ("learning_rate", (1e-3, 1e-2)),
        ("schedule", ("cosine", "constant")),
        ("optimizer", ("adam", "sgd")),
        ("ema_decay", (0.0, 0.99)),
        ("weight_standardisation", (False, True)),
        ("trainable", ("all", "head")),
        ("augmentation_multiplicity", (1, 4)),
        ("noise_multiplier", (0.5, 1.0)),
    ],
)
def test_every_axis_arrives_in_the_trainings(name: str, values: tuple[Any, ...]) -> None:
    from workbench.dpsgd.engine_names import ENGINES

    if name == "engine":
        values = tuple(ENGINES)[:2]
    noisy = name == "noise_multiplier"
    trials = study(epsilons=() if noisy else (3.0,), axes={name: values}).trials()
    found = [
        getattr(t.config if hasattr(t.config, name) else t.config.privacy, name) for t in trials
    ]
    assert tuple(found) == values
    assert [t.choices[name] for t in trials] == list(values)
    budgets = [t.config.privacy.target_epsilon for t in trials if t.config.privacy]
    assert budgets == [None if noisy else 3.0] * 2
    assert all(math.isnan(t.epsilon) == noisy for t in trials)


def test_without_privacy_no_training_is_repeated_for_settings_of_privacy() -> None:
    config = study(
        epsilons=(3.0, math.inf), axes={"max_grad_norm": (0.5, 1.0), "learning_rate": (1e-3, 1e-2)}
    )
    open_runs = [trial for trial in config.trials() if math.isinf(trial.epsilon)]
    assert [trial.config.learning_rate for trial in open_runs] == [1e-3, 1e-2]
    assert all(trial.choices["max_grad_norm"] is None for trial in open_runs)
    assert all(trial.config.privacy is None for trial in open_runs)
    assert len(config.trials()) == 6


def test_equal_studies_have_one_name_however_they_are_written() -> None:
    one = study(axes={"learning_rate": (1e-3, 1), "steps": (10, 20)})
    other = study(axes={"steps": (10.0, 20.0), "learning_rate": (1e-3, 1.0)})
    assert one.study == other.study
    assert [config_key(t.config) for t in one.trials()] == [
        config_key(t.config) for t in other.trials()
    ]
    assert one.study != study(axes={"learning_rate": (1e-3,), "steps": (10, 20)}).study


@pytest.mark.parametrize(
    "config",
    [
        study(),
        study(axes={"noise_multiplier": (1.0,)}, epsilons=()),
        study(axes={"weight_standardisation": (True, False), "augmentation_multiplicity": (1, 4)}),
        study(runs=3, minutes=2.5, metric="dice"),
        study(**RANDOM),
    ],
)
def test_a_study_survives_being_written_down(config: ExploreConfig) -> None:
    again = config_from_json(ExploreConfig, config_to_json(config))
    assert again == config
    assert again.study == config.study
    assert again.trials() == config.trials()


def test_a_study_of_an_older_version_keeps_its_name() -> None:
    from workbench.runs.configs import values_key

    old = {"train": config_to_json(TRAIN), "epsilons": [1.0, "inf"], "seeds": 2}
    assert study(epsilons=(1.0, math.inf), seeds=2).study == f"study-{values_key(old)}"


def test_a_larger_budget_or_another_metric_goes_on_with_the_same_study() -> None:
    small, large = study(**RANDOM), study(**RANDOM | {"runs": 30, "minutes": 5.0, "metric": "mcc"})
    assert small.study == large.study
    assert large.trials()[:12] == small.trials()
    grid = study(epsilons=(1.0, 3.0, 8.0))
    assert study(epsilons=(1.0, 3.0, 8.0), runs=2).trials() == grid.trials()[:2]


def test_a_random_search_covers_its_ranges() -> None:
    trials = study(**RANDOM | {"runs": 60}).trials()
    assert len({config_key(trial.config) for trial in trials}) == len(trials) == 60
    for trial in trials:
        assert 1e-4 <= trial.config.learning_rate <= 1e-2
        assert 50 <= trial.config.steps <= 400
        assert 0.9 <= trial.config.ema_decay <= 0.999
    # Evenly in the logarithm: a third of the points in each third of the two decades.
    rates = [2 + math.log10(trial.config.learning_rate) for trial in trials]
    thirds = [sum(low <= rate + 2 < low + 2 / 3 for rate in rates) for low in (0, 2 / 3, 4 / 3)]
    assert all(12 <= count <= 28 for count in thirds), thirds
    assert {t.config.weight_standardisation for t in trials} == {True, False}
    assert {t.epsilon for t in trials} == {3.0, math.inf}


def test_a_random_search_draws_each_point_with_every_seed() -> None:
    trials = study(**RANDOM | {"seeds": 3}).trials()
    points = [(trial.epsilon, tuple(trial.choices.items())) for trial in trials]
    assert points[0] == points[1] == points[2] != points[3]
    assert [trial.seed for trial in trials[:4]] == [0, 1, 2, 0]


def test_a_random_search_ends_where_there_is_nothing_new_to_draw() -> None:
    config = study(search="random", runs=50, axes={"steps": (10, 20, 30)})
    assert sorted(trial.config.steps for trial in config.trials()) == [10, 20, 30]


@given(st.sampled_from([n for n, axis in AXES.items() if axis.scale]), st.floats(0, 1 - 1e-9))
def test_what_is_drawn_lies_in_its_range_and_grows_with_the_share(name: str, share: float) -> None:
    ends = (0.9, 0.9999) if name == "ema_decay" else (1.0, 300.0)
    value = drawn(name, ends, share)
    assert isinstance(value, AXES[name].kind)
    assert ends[0] <= float(value) <= ends[1]
    assert drawn(name, ends, share / 2) <= value  # type: ignore[operator]  # both are numbers


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"axes": {"steps": ()}}, "The axis steps needs at least one value"),
        ({"axes": {"setps": (1,)}}, "A study cannot vary 'setps'; it can vary"),
        ({"axes": {"steps": (10, 10.0)}}, "stands twice"),
        ({"axes": {"steps": (10.5,)}}, "are whole numbers, not 10.5"),
        ({"axes": {"learning_rate": ("high",)}}, "are numbers, not 'high'"),
        ({"axes": {"weight_standardisation": ("yes",)}}, "are true or false"),
        ({"axes": {"learning_rate": (-1.0,)}}, "Learning rate must be above 0"),
        ({"axes": {"ema_decay": (1.0,)}}, "Ema decay must be between 0 and 1"),
        ({"axes": {"engine": ("best",)}}, "Engine must be"),
        ({"axes": {"model": ("unett",)}}, "There is no model 'unett'"),
        ({"axes": {"target_epsilon": (1.0,)}}, "stand in epsilons"),
        ({"axes": {"noise_multiplier": (1.0,)}}, "each follows from the other"),
        (
            {"axes": {"noise_multiplier": (1.0,)}, "epsilons": (math.inf,)},
            "infinity trains without noise",
        ),
        ({"axes": {"max_grad_norm": (1.0,)}, "epsilons": (math.inf,)}, "changes nothing"),
        ({"epsilons": (math.nan,)}, "above 0, not nan"),
        ({"ranges": {"steps": (10, 20)}}, "a range is for a random or Bayesian search"),
        ({"search": "random", "runs": 3}, "needs axes or ranges"),
        (RANDOM | {"runs": None}, "goes on for ever"),
        (RANDOM | {"ranges": {"steps": (20, 10)}}, "the smaller one first"),
        (RANDOM | {"ranges": {"steps": (0, 10)}}, "must begin above 0"),
        (RANDOM | {"ranges": {"unit": (0, 1)}}, "has no range"),
        (RANDOM | {"ranges": {"target_epsilon": (1.0, 8.0)}}, "not two of these at once"),
        (RANDOM | {"axes": {"steps": (1, 2)}}, "has values and a range"),
        ({"search": "clever"}, "Search must be grid or random"),
        ({"runs": 0}, "Runs must be 1 or more"),
        ({"minutes": 0.0}, "Minutes must be above 0"),
        ({"metric": "beauty"}, "There is no metric 'beauty'; choose dice"),
    ],
)
def test_a_contradiction_is_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        study(**settings)


def test_a_metric_must_be_one_of_the_task() -> None:
    from dataclasses import replace

    xrays = replace(TRAIN, task="classification")
    assert study(train=xrays, metric="mcc").metric == "mcc"
    with pytest.raises(BadInput, match="A classification has no dice; choose auroc"):
        study(train=xrays, metric="dice")
