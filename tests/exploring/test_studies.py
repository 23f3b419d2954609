import math
from collections.abc import Iterator

import pytest

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialFailed, UnderWay
from workbench.exploring.sweep import Sweep
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.events import Event, Finished
from workbench.runs.jobs import close
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig


@pytest.fixture(scope="module", autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    close()


def study(data: str, **changes: object) -> ExploreConfig:
    privacy = PrivacyConfig(target_epsilon=1.0, delta=1e-3)
    base = TrainConfig(data=data, steps=4, sample_rate=0.3, privacy=privacy)
    settings = {"train": base, "epsilons": (2.0, math.inf), "seeds": 2} | changes
    return ExploreConfig(**settings)  # type: ignore[arg-type]


def explored(events: list[Event]) -> list[Explored]:
    return [event for event in events if isinstance(event, Explored)]


def test_a_study_is_every_epsilon_with_every_seed(discs: str) -> None:
    trials = study(discs, epsilons=(1.0, 3.0, math.inf), seeds=2).trials()
    assert [(t.epsilon, t.seed) for t in trials[:3]] == [(1, 0), (3, 0), (math.inf, 0)]
    assert len(trials) == 6
    for trial in trials:
        privacy = trial.config.privacy
        assert (privacy is None) == math.isinf(trial.epsilon)
        assert privacy is None or privacy.target_epsilon == trial.epsilon
        assert trial.config.seed == trial.seed


def test_a_study_is_found_again_by_its_settings(discs: str) -> None:
    one = study(discs)
    again = config_from_json(ExploreConfig, config_to_json(one))
    assert again == one
    assert again.study == one.study
    assert study(discs, seeds=3).study != one.study


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epsilons": ()}, "at least one epsilon"),
        ({"epsilons": (1.0, 0.0)}, "above 0, not 0"),
        ({"epsilons": (1.0, 1.0)}, "stands twice"),
        ({"seeds": 0}, "Seeds must be 1 or more"),
        ({"train": TrainConfig()}, "needs privacy settings"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused(
    discs: str, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        study(discs, **changes)


@pytest.mark.slow
def test_killing_a_study_and_starting_it_again_repeats_nothing_finished(discs: str) -> None:
    store = Store()
    first: list[Event] = []
    events = Sweep(study(discs), store).events()
    for event in events:
        first.append(event)
        if isinstance(event, Explored):
            break
    events.close()  # type: ignore[attr-defined]  # as a kill does: nothing after the first run
    done = {run.run for run in explored(first)}

    second = list(Sweep(study(discs), store).events())

    runs = explored(second)
    assert done <= {run.run for run in runs}
    assert sorted((r.epsilon, r.seed) for r in runs) == [
        (2, 0),
        (2, 1),
        (math.inf, 0),
        (math.inf, 1),
    ]
    assert isinstance(second[-1], Finished)
    assert [row["epsilon"] for row in second[-1].result["explored"]] == [2, 2, math.inf, math.inf]
    shares = [event.done for event in second if isinstance(event, UnderWay)]
    assert shares[-1] == 4

    third = list(Sweep(study(discs), store).events())
    assert {run.run for run in explored(third)} == {run.run for run in runs}
    assert not any(isinstance(event, UnderWay) for event in third)


@pytest.mark.slow
def test_a_training_that_fails_is_told_and_the_others_go_on(discs: str) -> None:
    privacy = PrivacyConfig(target_epsilon=1.0, delta=0.2)  # too large for ten patients
    base = TrainConfig(data=discs, steps=3, sample_rate=0.3, privacy=privacy)
    sweep = Sweep(study(discs, train=base, seeds=1), Store())
    events = list(sweep.events())
    failed = [event for event in events if isinstance(event, TrialFailed)]
    assert [f.epsilon for f in failed] == [2.0]
    assert "Delta must be below" in failed[0].message
    assert [run.epsilon for run in explored(events)] == [math.inf]
