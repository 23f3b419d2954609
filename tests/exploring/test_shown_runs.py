"""Which runs of a study are laid side by side, and what they have left behind."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.exploring.events import Explored
from workbench.exploring.shown import at_most, one_for_each_budget, shown_by
from workbench.runs.events import Finished, Started
from workbench.runs.store import Store

MASKS = {
    "images": np.full((3, 8, 8), 90, np.uint8),
    "truths": np.eye(8, dtype=np.uint8)[None].repeat(3, axis=0),
    "predictions": np.full((3, 8, 8), 200, np.uint8),
    "attributions": np.full((3, 8, 8), -5, np.int8),
}


def one(epsilon: float, seed: int = 0, score: float = 0.5, **choices: object) -> Explored:
    words = ",".join(f"{name}={value}" for name, value in choices.items())
    return Explored(
        epsilon=epsilon, seed=seed, run=f"{epsilon:g}/{seed}/{words}", choices=choices,
        score=score, score_name="dice", noise_multiplier=1.0, guarantee="",
    )  # fmt: skip


def named(runs: list[Explored]) -> list[str]:
    return [run.run for run in runs]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def recorded(store: Store, arrays: dict[str, np.ndarray]) -> Explored:
    run = store.open("train", {"steps": 1})
    store.append(run, Started(facts={"classes": ["background", "liver"]}))
    store.append(run, Finished(result={}, arrays=arrays))
    return Explored(
        epsilon=1.0, seed=0, run=run, score=0.5, score_name="dice", noise_multiplier=1.0,
        guarantee="",
    )  # fmt: skip


def test_what_a_run_left_behind_is_read_as_it_was_recorded(store: Store) -> None:
    shown = shown_by(recorded(store, MASKS), store)
    assert shown is not None
    assert shown.segments
    assert shown.classes == ("background", "liver")
    for name, array in MASKS.items():
        assert np.array_equal(getattr(shown, name), array)


def test_a_run_may_have_no_reasons_and_classes_instead_of_masks(store: Store) -> None:
    said: dict[str, np.ndarray] = {
        "images": MASKS["images"][:2],
        "truths": np.array([0, 1], np.uint8),
        "predictions": np.eye(2, dtype=np.float32),
    }
    shown = shown_by(recorded(store, said), store)
    assert shown is not None
    assert shown.attributions is None
    assert not shown.segments


def test_a_run_without_pictures_or_without_its_folder_shows_nothing(store: Store) -> None:
    assert shown_by(recorded(store, {"images": MASKS["images"]}), store) is None
    gone = recorded(store, MASKS)
    shutil.rmtree(store.folder(gone.run))
    assert shown_by(gone, store) is None


def test_with_nothing_opened_the_median_run_of_each_epsilon_is_shown() -> None:
    runs = [one(3.0, seed, score) for seed, score in enumerate((0.9, 0.2, 0.6))]
    chosen = one_for_each_budget([one(math.inf, 4, 0.9), *runs, one(1.0, 2, 0.1)])
    assert named(chosen) == ["1/2/", "3/2/", "inf/4/"]


def test_of_two_runs_in_the_middle_the_worse_is_shown() -> None:
    assert named(one_for_each_budget([one(3.0, 0, 0.9), one(3.0, 1, 0.2)])) == ["3/1/"]
    nothing = one(3.0, 2, math.nan)
    assert named(one_for_each_budget([one(3.0, 0, 0.9), nothing])) == ["3/2/"]


def test_beside_an_opened_run_stand_those_with_its_seed_where_there_are_any() -> None:
    runs = [one(e, s, s / 10) for e in (1.0, 3.0) for s in (0, 1, 2)] + [one(math.inf, 7)]
    chosen = one_for_each_budget(runs, "3/2/")
    assert named(chosen) == ["1/2/", "3/2/", "inf/7/"]


def test_beside_an_opened_run_stand_those_with_its_settings() -> None:
    runs = [one(e, 0, max_grad_norm=norm, steps=9) for e in (1.0, 3.0) for norm in (0.5, 2.0)]
    without = one(math.inf, 0, max_grad_norm=None, steps=9)
    longer = one(math.inf, 1, max_grad_norm=None, steps=90)
    chosen = one_for_each_budget([*runs, without, longer], runs[2].run)
    assert [run.choices["max_grad_norm"] for run in chosen] == [0.5, 0.5, None]
    assert chosen[-1] == without


@given(
    st.lists(
        st.tuples(st.sampled_from([1.0, 3.0, math.inf]), st.integers(0, 3), st.floats(0, 1)),
        min_size=1,
        unique_by=lambda run: run[:2],
    ),
    st.data(),
)
def test_every_epsilon_has_one_column_and_the_opened_run_is_among_them(
    drawn: list[tuple[float, int, float]], data: st.DataObject
) -> None:
    runs = [one(*place) for place in drawn]
    opened = data.draw(st.sampled_from(runs))
    chosen = one_for_each_budget(runs, opened.run)
    assert [run.epsilon for run in chosen] == sorted({run.epsilon for run in runs})
    assert opened in chosen


@given(st.integers(1, 40), st.integers(3, 9), st.data())
def test_of_too_many_columns_the_ends_and_the_opened_one_stay(
    total: int, count: int, data: st.DataObject
) -> None:
    runs = [one(float(epsilon)) for epsilon in range(total)]
    opened = data.draw(st.sampled_from(runs))
    few = at_most(runs, count, opened.run)
    assert len(few) <= max(count, 1)
    assert {runs[0].run, runs[-1].run, opened.run} <= set(named(few))
    assert named(few) == [run.run for run in runs if run in few]
    assert len(few) == total or len(few) >= count - 1
