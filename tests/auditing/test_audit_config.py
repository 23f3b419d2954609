"""A config that cannot be audited is refused in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.auditing.claim import ADJACENCY, Claim
from workbench.auditing.config import AuditConfig
from workbench.auditing.fair import check_fair, fair_coins
from workbench.errors import BadInput
from workbench.runs.configs import config_from_json, config_to_json

OWN = {"training": "own.module:train", "delta": 1e-6, "unit": "patient", "adjacency": ADJACENCY}


def test_of_the_workbenchs_own_trainings_the_whole_claim_is_known() -> None:
    claim = AuditConfig().claim
    assert (claim.delta, claim.unit, claim.adjacency) == (1e-5, "slice", ADJACENCY)
    assert claim.epsilon == pytest.approx(4.766, abs=1e-3)
    assert "Poisson q = 0.05, 200 steps" in str(claim.guarantee)
    assert AuditConfig(unit="patient", delta=1e-6).claim.unit == "patient"


def test_of_ones_own_training_the_claim_is_what_was_stated() -> None:
    claim = AuditConfig(**OWN, noise_multiplier=2.0).claim  # type: ignore[arg-type]
    assert claim == Claim(
        noise_multiplier=2.0, sample_rate=0.05, steps=200, delta=1e-6, unit="patient",
        adjacency=ADJACENCY,
    )  # fmt: skip


@pytest.mark.parametrize("missing", ["delta", "unit", "adjacency"])
def test_a_claim_without_a_part_cannot_be_audited(missing: str) -> None:
    settings: dict[str, Any] = {name: value for name, value in OWN.items() if name != missing}
    with pytest.raises(BadInput, match=f"A claim without {missing} cannot be audited") as refused:
        AuditConfig(**settings)
    assert refused.value.field == missing
    stated: dict[str, Any] = {name: OWN[name] for name in ("delta", "unit", "adjacency")}
    del stated[missing]
    with pytest.raises(BadInput, match=f"without {missing}"):
        Claim(noise_multiplier=1, sample_rate=0.1, steps=1, **stated)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"engine": "magic"}, "Engine must be bookkeeping or"),
        ({"bug": "none"}, "Bug must be noise-5-percent-low or"),
        ({"noise": "seeded"}, "Seeded noise can be repeated by anybody"),
        ({"noise_multiplier": 0.0}, "Noise multiplier must be above 0"),
        ({"sample_rate": 1.5}, "Sample rate must be above 0 and at most 1"),
        ({"steps": 0}, "Steps must be 1 or more"),
        ({"delta": 1.0}, "Delta must be between 0 and 1"),
        ({"adjacency": "replace one"}, "Adjacency must be add or remove one"),
        ({"level": 0.01}, "Level must be above 0 and at most 0.001"),
        ({"nulls": 10}, "Nulls must be 100 or more"),
        ({**OWN, "bug": "clip-per-layer"}, "leave out training or bug"),
        ({"canaries": 4, "members": (True,) * 3}, "There are 4 canaries and 3 coins"),
    ],
)
def test_what_cannot_be_audited_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        AuditConfig(**settings)


def test_a_config_survives_being_written_down() -> None:
    config = AuditConfig(engine="opacus", members=tuple(fair_coins(300).tolist()), canaries=300)
    assert config_from_json(AuditConfig, config_to_json(config)) == config


def test_coins_are_fair_and_thrown_anew() -> None:
    thrown = np.array([fair_coins(1001) for _ in range(100)])
    assert thrown.shape == (100, 1001)
    assert thrown.mean() == pytest.approx(0.5, abs=5 * 0.5 / thrown.size**0.5)
    assert len({row.tobytes() for row in thrown}) == 100
    for row in thrown:
        check_fair(row.tolist(), 1001)


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ([True] * 190 + [False] * 10, "190 of 200 canaries are members"),
        ([True] * 100 + [False] * 100, "neighbours differ 1 times among 200"),
        ([True, False] * 100, "neighbours differ 199 times among 200"),
    ],
)
def test_an_unfair_split_is_refused(members: list[bool], what: str) -> None:
    with pytest.raises(BadInput, match=f"unfair split: {what}"):
        AuditConfig(canaries=200, members=tuple(members))
