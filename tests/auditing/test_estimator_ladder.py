"""A whole audit on drawn signals: how much it shows, what it refutes, and what was foreseen."""

import dataclasses
import json
import math
import time

import numpy as np
import pytest
from audited import claim_of, counted, drawn

from workbench.auditing.claim import Claim
from workbench.auditing.estimators.ladder import ladder
from workbench.auditing.estimators.plan import Plan, canaries_needed, make_plan
from workbench.auditing.estimators.rung import LABELS, Rung
from workbench.errors import BadInput
from workbench.runs.events import to_json

CLAIM = claim_of()
QUICK = {"canaries": 2000, "nulls": 6000}
THOROUGH = {"canaries": 8000, "nulls": 10_000}
FALSIFIED = 1e-5


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(CLAIM, **QUICK)


def rungs(plan: Plan, seed: int, **changes: float) -> dict[str, Rung]:
    """An audit of a mechanism that may differ from the claimed one."""
    mechanism = {
        "noise": plan.claim.noise_multiplier,
        "rate": plan.claim.sample_rate,
        "steps": plan.claim.steps,
    }
    seen = drawn(
        seed,
        canaries=plan.design.canaries,
        nulls=plan.design.nulls,
        **{**mechanism, **changes},  # type: ignore[arg-type]
    )
    evidence = counted(seen, plan.design, plan.claim.sample_rate)
    return {rung.name: rung for rung in ladder(evidence, plan)}


def medians(plan: Plan, seeds: range) -> dict[str, float]:
    audits = [rungs(plan, seed) for seed in seeds]
    return {name: float(np.median([audit[name].epsilon for audit in audits])) for name in LABELS}


def test_two_thousand_canaries_show_most_of_a_true_claim(plan: Plan) -> None:
    found = medians(plan, range(20))
    assert found["per-step"] >= 0.92 * CLAIM.epsilon
    assert found["end-to-end"] >= 0.75 * CLAIM.epsilon
    for name, median in found.items():  # and it was foreseen
        assert median == pytest.approx(plan.expected[name], rel=0.15)


@pytest.mark.slow
def test_eight_thousand_canaries_show_nearly_all_of_it() -> None:
    found = medians(make_plan(CLAIM, **THOROUGH), range(9))
    assert found["per-step"] >= 0.95 * CLAIM.epsilon
    assert found["end-to-end"] >= 0.90 * CLAIM.epsilon


@pytest.mark.parametrize(
    ("changes", "by"),
    [
        ({"noise": 0.8}, {"end-to-end", "per-step"}),
        ({"noise": 0.95}, {"per-step"}),
        ({"steps": 400}, {"end-to-end", "per-step"}),  # half of the steps were charged
        ({"rate": 0.1}, {"end-to-end"}),  # half of the rate was claimed
        ({"noise": 1 / 50}, {"clopper-pearson", "one-run-fdp", "end-to-end", "per-step"}),
    ],
)
def test_false_claims_fall(plan: Plan, changes: dict[str, float], by: set[str]) -> None:
    found = rungs(plan, 11, **changes)
    fallen = {name for name, rung in found.items() if rung.p_value < FALSIFIED}
    assert fallen >= by
    for name in by:
        assert found[name].epsilon > CLAIM.epsilon


def test_true_claims_stand(plan: Plan) -> None:
    p_values = [rung.p_value for seed in range(25) for rung in rungs(plan, seed).values()]
    assert min(p_values) > FALSIFIED


def test_bound_and_p_value_say_the_same(plan: Plan) -> None:
    """A bound lies above the claim where the claim falls at the level of the bound."""
    for noise in (1.0, 0.97, 0.94):
        for seed in range(6):
            found = rungs(plan, seed, noise=noise)
            for name in ("end-to-end", "per-step", "clopper-pearson", "steinke"):
                rung = found[name]
                if abs(rung.epsilon / CLAIM.epsilon - 1) > 0.01:
                    assert (rung.epsilon > CLAIM.epsilon) == (rung.p_value < plan.level)


def test_rungs_are_named_explained_and_in_order(plan: Plan) -> None:
    found = rungs(plan, 0)
    assert list(found) == ["steinke", "one-run-fdp", "clopper-pearson", "end-to-end", "per-step"]
    assert all(rung.assumption.endswith(".") and rung.label for rung in found.values())
    # The strongest assumptions show the most.
    assert found["steinke"].epsilon < found["one-run-fdp"].epsilon < found["end-to-end"].epsilon


def test_no_audit_shows_more_than_its_ceiling(plan: Plan) -> None:
    found = rungs(plan, 3, noise=1e-6)
    for rung in found.values():
        assert rung.expected < rung.ceiling
        assert rung.epsilon <= rung.ceiling * 1.02
    assert plan.ceilings["steinke"] == pytest.approx(math.log(2000 / 3), abs=0.5)
    assert plan.ceilings["clopper-pearson"] == pytest.approx(5.6, abs=0.2)
    assert plan.ceilings["per-step"] == math.inf


def test_more_canaries_and_more_nulls_show_more() -> None:
    expected = [
        make_plan(CLAIM, canaries=canaries, nulls=nulls).expected
        for canaries, nulls in ((500, 2000), (500, 20_000), (4000, 20_000))
    ]
    end_to_end = [each["end-to-end"] for each in expected]
    assert end_to_end == sorted(end_to_end)
    assert expected[0]["per-step"] < expected[2]["per-step"] < CLAIM.epsilon


def test_a_plan_is_chosen_without_chance_and_can_be_written_down(plan: Plan) -> None:
    again = make_plan(claim_of(), **QUICK)
    assert again == plan
    assert json.loads(json.dumps(to_json(dataclasses.asdict(plan))))["design"]["canaries"] == 2000


def test_an_audit_takes_less_than_two_seconds_of_processor_time(plan: Plan) -> None:
    seen = drawn(0, **QUICK)
    began = time.process_time()
    ladder(counted(seen, plan.design), plan)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("level", [0.05, 1e-4])
def test_so_many_canaries_are_needed_and_not_fewer(level: float) -> None:
    """The higher epsilon is, the more canaries must all be found before it is refuted."""
    claim = claim_of(noise=0.4)
    needed = canaries_needed(claim, nulls=1000, level=level)
    assert needed > 16
    enough = make_plan(claim, canaries=2 * needed, nulls=500)
    assert rungs(enough, 1, noise=0.01)["per-step"].p_value < level
    assert canaries_needed(claim, nulls=1000, level=level / 10) > needed
    assert canaries_needed(claim_of(noise=0.3), nulls=1000, level=level) > needed
    assert canaries_needed(claim_of(noise=3.0), nulls=1000, level=level) < needed


@pytest.mark.parametrize(
    "claim",
    [
        claim_of(noise=10.0, rate=1.0, steps=100),
        claim_of(noise=0.35, rate=0.02, steps=30),
        claim_of(noise=50.0, rate=0.01, steps=10),
        claim_of(noise=1.0, rate=0.001, steps=1),
    ],
    ids=["full batches", "little noise", "much noise", "one step"],
)
def test_every_claim_has_a_plan(claim: Claim) -> None:
    small = make_plan(claim, canaries=200, nulls=400)
    for rung in rungs(small, 2).values():
        assert rung.epsilon >= 0
        assert rung.expected <= rung.ceiling
        assert FALSIFIED < rung.p_value <= 1


def test_the_smallest_audit_says_nothing_and_does_not_fail() -> None:
    found = rungs(make_plan(CLAIM, canaries=16, nulls=64), 5)
    assert found["steinke"].epsilon == 0
    assert all(rung.p_value > 1e-3 for rung in found.values())


@pytest.mark.parametrize(
    ("sizes", "field"),
    [
        ({"canaries": 3, "nulls": 100}, "canaries"),
        ({"canaries": 100, "nulls": 3}, "nulls"),
        ({"canaries": 100, "nulls": 100, "level": 0.0}, "level"),
    ],
)
def test_sizes_out_of_range_are_refused(sizes: dict[str, int], field: str) -> None:
    with pytest.raises(BadInput, match=field.capitalize()) as refusal:
        make_plan(CLAIM, **sizes)
    assert refusal.value.field == field
