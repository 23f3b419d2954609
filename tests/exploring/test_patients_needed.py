"""How many patients it would take: a power law through measured runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.patients_measured import studies_over_patients
from workbench.exploring.patients_needed import patients_needed
from workbench.exploring.study_file import remember, study_path
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

SIZES = (50, 100, 200, 400)


def study(
    gap: dict[int, float] | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    law: tuple[float, float] = (2.0, 0.6),
    seeds: int = 3,
    noise: float = 0.0,
    metric: str = "dice",
    draw: int = 0,
    **choices: object,
) -> list[Explored]:
    """Runs at epsilon 3 and without privacy whose mean gap is ``a * n ** -b``, or as given."""
    generator = np.random.default_rng(draw)
    gaps = gap or {n: law[0] * n ** -law[1] for n in sizes}
    worse = 1 if metric == "hausdorff95" else -1
    return [
        Explored(
            epsilon=epsilon, seed=seed, run=f"{n}-{epsilon}-{seed}", score_name=metric,
            score=0.9 + worse * lost + noise * generator.normal() * (0.5 if lost == 0 else 1.0),
            noise_multiplier=1.0, guarantee="", choices={"patients": n, **choices},
        )
        for n, at in gaps.items()
        for epsilon, lost in ((3.0, at), (math.inf, 0.0))
        for seed in range(seeds)
    ]  # fmt: skip


@given(a=st.floats(0.5, 5), b=st.floats(0.4, 1.2), within=st.floats(0.005, 0.1))
@settings(max_examples=30, deadline=None)
def test_a_power_law_without_noise_is_found_exactly(a: float, b: float, within: float) -> None:
    found = patients_needed(study(law=(a, b)), epsilon=3.0, within=within)
    wanted = (a / within) ** (1 / b)
    assert (found.factor, found.exponent) == pytest.approx((a, b), rel=1e-6)
    assert found.patients == pytest.approx(wanted, rel=1e-6, abs=1)
    assert found.low <= found.patients + 1
    assert found.high >= found.patients - 1


@pytest.mark.parametrize(
    ("seeds", "sizes", "noise"),
    [(2, SIZES, 0.005), (3, SIZES[:3], 0.005), (3, SIZES, 0.02), (5, SIZES, 0.005)],
)
def test_nine_intervals_in_ten_hold_the_truth(
    seeds: int, sizes: Sequence[int], noise: float
) -> None:
    truth, studies = (2.0 / 0.02) ** (1 / 0.6), 80
    asked = [
        patients_needed(
            study(seeds=seeds, sizes=sizes, noise=noise, draw=draw), epsilon=3.0, within=0.02
        )
        for draw in range(studies)
    ]
    held = sum(one.low <= truth <= one.high for one in asked)
    # Of 95 % intervals fewer than 70 in 80 would hold with a probability of 2 in 1000.
    assert held >= 70
    assert np.median([one.patients for one in asked]) == pytest.approx(truth, rel=0.25)


def test_more_seeds_make_the_interval_narrower() -> None:
    few, many = (
        patients_needed(study(seeds=seeds, noise=0.01), epsilon=3.0, within=0.02)
        for seeds in (3, 12)
    )
    assert many.high / many.low < 0.7 * few.high / few.low


def test_the_answer_says_how_far_it_is_beyond_what_was_measured() -> None:
    found = patients_needed(study(law=(2.0, 0.5)), epsilon=3.0, within=0.05)
    assert found.patients == 1600
    said, trust = found.words
    assert "About 1,600 patients" in said
    assert "dice within 0.05 of non-private at epsilon 3" in said
    assert "95 % interval" in said
    assert "an extrapolation" in trust
    assert "4.0 times the largest that was measured (400)" in trust
    inside = patients_needed(study(law=(2.0, 0.5)), epsilon=3.0, within=0.15)
    assert inside.beyond < 1
    assert "within what was measured (up to 400 patients)" in inside.words[1]
    assert "extrapolation" not in inside.words[1]


def test_of_a_distance_less_is_better() -> None:
    runs = study(metric="hausdorff95", law=(40.0, 0.5))
    assert patients_needed(runs, epsilon=3.0, within=0.5).patients == 6400


def test_the_band_encloses_the_law_and_widens_beyond_the_measurements() -> None:
    found = patients_needed(study(noise=0.01, seeds=4), epsilon=3.0, within=0.02)
    counts = np.array([100.0, 400.0, 4000.0])
    low, high = found.band(counts)
    assert (low < found.law(counts)).all()
    assert (found.law(counts) < high).all()
    assert (np.diff(high / low) > 0)[1]


@pytest.mark.parametrize(
    ("runs", "asked", "sentence"),
    [
        (study(sizes=(50, 100)), {}, "At least 3 numbers of patients are needed"),
        (study(seeds=1), {}, "there are 0"),
        ([run for run in study() if run.epsilon == 3.0], {}, "and without privacy; there are 0"),
        (study(), {"epsilon": 8.0}, "at epsilon 8 and without privacy; there are 0"),
        ([], {}, "there are 0"),
        (study(gap={50: 0.1, 100: 0.1, 200: 0.1, 400: 0.1}), {}, "does not fall clearly"),
        (study(gap={50: 0.1, 100: 0.2, 200: 0.3}), {}, "from 0.1 at 50 to 0.3 at 200"),
        (study(law=(0.2, 0.3), noise=0.1), {}, "as good as|does not fall clearly"),
        (study(gap={50: 0.1, 100: 0.015, 200: -0.01}), {}, "100 is the smallest within 0.02"),
        (study(gap={50: 0.1, 100: -0.02, 200: 0.01}), {}, "With 100 patients .* no gap"),
        (study(model="a") + study(model="b"), {}, "This study varies model too"),
        (study(), {"within": 0.0}, "Within must be above 0"),
        (study(), {"epsilon": math.inf}, "finite epsilon"),
        (study(), {"metric": "luck"}, "no metric 'luck'"),
    ],
)
def test_what_cannot_be_extrapolated_is_refused_in_one_sentence(
    runs: list[Explored], asked: dict[str, object], sentence: str
) -> None:
    wish = {"epsilon": 3.0, "within": 0.02} | asked
    with pytest.raises(BadInput, match=sentence) as refused:
        patients_needed(runs, **wish)  # type: ignore[arg-type]
    assert refused.value.message.count(". ") <= 1


def test_the_same_runs_give_the_same_interval() -> None:
    runs = study(noise=0.02)
    one, two = (patients_needed(runs, epsilon=3.0, within=0.02) for _ in range(2))
    assert (one.low, one.patients, one.high) == (two.low, two.patients, two.high)


def test_the_studies_of_a_workspace_that_vary_the_patients_are_found() -> None:
    store = Store()
    train = TrainConfig(privacy=PrivacyConfig(target_epsilon=3.0))
    sized = ExploreConfig(train=train, axes={"patients": (20, 40, 80)})
    for config in (sized, ExploreConfig(train=train)):
        remember(config, store)
    study_path("study-damaged", store).write_text("{")
    assert list(studies_over_patients(store)) == [sized.study]
