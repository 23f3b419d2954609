"""Utility of each group of patients, and what privacy took from it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.exploring.events import Explored
from workbench.figures.groups import FEW, draw_groups, groups_numbers

INF = math.inf


def run(epsilon: float, seed: int, groups: dict[str, Any]) -> Explored:
    return Explored(
        epsilon=epsilon, seed=seed, run=f"run-{epsilon}-{seed}", score=0.5, score_name="dice",
        noise_multiplier=1.0, guarantee="", groups=groups,
    )  # fmt: skip


def group(dice: float, patients: int = 30, **more: float) -> dict[str, float]:
    return {"dice": dice, "count": 4 * patients, "patients": patients, **more}


STUDY = [
    run(INF, 0, {"size: small": group(0.8), "size: large": group(0.9)}),
    run(INF, 1, {"size: small": group(0.7), "size: large": group(0.9)}),
    run(3.0, 0, {"size: small": group(0.5), "size: large": group(0.88)}),
    run(3.0, 1, {"size: small": group(0.6), "size: large": group(0.92)}),
    run(1.0, 0, {"size: small": group(0.2), "size: large": group(0.8)}),
]


def test_each_group_has_its_scores_at_every_budget() -> None:
    numbers = groups_numbers(STUDY)
    small, large = numbers.groups
    assert (small.name, large.name, numbers.metric) == ("size: small", "size: large", "dice")
    assert list(small.scores) == [1.0, 3.0, INF]
    assert small.scores[3.0].median == pytest.approx(0.55)
    assert (small.scores[3.0].low, small.scores[3.0].high) == (0.5, 0.6)


def test_what_privacy_took_is_the_distance_to_the_median_without_it() -> None:
    small, large = groups_numbers(STUDY).groups
    assert {eps: loss.median for eps, loss in small.losses.items()} == pytest.approx(
        {1.0: 0.55, 3.0: 0.2}
    )
    assert large.losses[3.0].median == pytest.approx(0.0)
    assert large.losses[3.0].low == pytest.approx(-0.02)  # one run did better than without


def test_of_a_distance_more_is_worse() -> None:
    study = [
        run(INF, 0, {"a": group(0.9, hausdorff95=3.0)}),
        run(2.0, 0, {"a": group(0.8, hausdorff95=5.0)}),
    ]
    (only,) = groups_numbers(study, "hausdorff95").groups
    assert only.losses[2.0].median == pytest.approx(2.0)
    title = draw_groups(groups_numbers(study, "hausdorff95")).layout.yaxis.title.text
    assert "lower is better" in title


def test_without_runs_that_are_not_private_nothing_is_held_against_them() -> None:
    numbers = groups_numbers(STUDY[2:])
    assert all(one.losses == {} for one in numbers.groups)
    (note,) = draw_groups(numbers).layout.annotations
    assert "once trainings with and without it" in note.text


def test_runs_without_groups_or_without_the_metric_are_left_out() -> None:
    assert groups_numbers([run(1.0, 0, {})]).groups == ()
    assert groups_numbers(STUDY, "ece").groups == ()
    (note,) = draw_groups(groups_numbers([])).layout.annotations
    assert note.text == "no finished training has scores of groups by this metric"


def test_a_group_of_few_patients_is_grey_and_says_so() -> None:
    study = [run(1.0, 0, {"a": group(0.5, FEW), "b": group(0.5, FEW - 1)})]
    enough, few = (t for t in draw_groups(groups_numbers(study)).data if t.showlegend)
    assert "too few to judge" in few.name
    assert "too few to judge" not in enough.name
    assert few.line.color != enough.line.color
    assert few.line.dash == "dot"


def test_infinity_stands_at_its_own_place_and_is_not_joined() -> None:
    figure = draw_groups(groups_numbers(STUDY))
    finite, without, losses = (t for t in figure.data if t.legendgroup == "size: small")
    assert len(finite.x) == 2
    assert len(without.x) == 1
    assert without.x[0] > finite.x[-1] + 0.2
    assert losses.yaxis == "y2"
    assert losses.x == finite.x
    assert figure.layout.xaxis.ticktext[-1] == "∞"


def test_of_very_many_groups_the_largest_are_drawn() -> None:
    groups = {f"site: {n}": group(0.5, 10 + n) for n in range(11)}
    numbers = groups_numbers([run(1.0, 0, groups), run(INF, 0, groups)])
    assert [one.patients for one in numbers.groups] == list(range(13, 21))
    assert numbers.left_out == 3
    (note,) = draw_groups(numbers).layout.annotations
    assert note.text == "3 smaller groups are not drawn"
