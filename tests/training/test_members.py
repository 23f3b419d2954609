"""Members decided by coins: fair, independent, complementary, and part of the config."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.runs.configs import config_from_json, config_key, config_to_json, values_key
from workbench.runs.events import Started
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.loop import train
from workbench.training.members import Coins, coins_of
from workbench.training.parts import parts_of
from workbench.training.plan import make_plan

COINS = st.builds(
    Coins,
    unit=st.sampled_from(["patient", "slice"]),
    seed=st.integers(0, 999_999_999),
    half=st.integers(0, 999_999_999),
)


def settings(data: str, members: str | None, **changes: object) -> TrainConfig:
    values = {"data": data, "model": "unet-small", "steps": 2, "sample_rate": 0.5} | changes
    return TrainConfig(members=members, **values)  # type: ignore[arg-type]


@given(COINS)
def test_coins_are_written_down_in_words_and_read_again(coins: Coins) -> None:
    assert coins_of(str(coins)) == coins


@given(COINS, st.integers(0, 300))
def test_two_halves_of_a_pair_are_everybody_once(coins: Coins, count: int) -> None:
    even, odd = (
        replace(coins, half=coins.half // 2 * 2),
        replace(coins, half=coins.half // 2 * 2 + 1),
    )
    assert (even.heads(count) ^ odd.heads(count)).all()
    assert (coins.heads(count) == coins.heads(count)).all()


def test_coins_are_fair_and_those_of_different_pairs_independent() -> None:
    thrown = [Coins(unit="patient", seed=seed, half=half).heads(5000)
              for seed in range(3) for half in (0, 2, 4)]  # fmt: skip
    for number, coins in enumerate(thrown):
        assert binomtest(int(coins.sum()), 5000).pvalue > 1e-4
        assert binomtest(int((coins[1:] == coins[:-1]).sum()), 4999).pvalue > 1e-4
        for other in thrown[:number]:
            assert binomtest(int((coins == other).sum()), 5000).pvalue > 1e-4


def test_coins_do_not_follow_from_who_was_drawn_to_validate_by_the_same_seed() -> None:
    # numpy gives [seed] and [seed, 0] the same stream, of which the validation patients are drawn.
    drawn = np.random.default_rng(0).random(5000) < 0.5
    heads = Coins(unit="patient", seed=0, half=0).heads(5000)
    assert binomtest(int((drawn == heads).sum()), 5000).pvalue > 1e-4


@pytest.mark.parametrize("unit", ["patient", "slice"])
def test_members_train_strangers_do_not_and_nobody_is_lost(discs: str, unit: str) -> None:
    slices = load(discs)
    one, other = (parts_of(settings(discs, f"{unit} coins 1, half {h}"), slices) for h in (0, 1))
    everybody = parts_of(settings(discs, None), slices)
    assert len(one.train) + len(other.train) == len(everybody.train) == len(one.candidates)
    assert one.fingerprint == everybody.fingerprint
    assert set(one.validation.patients) == set(everybody.validation.patients)
    apart = not set(one.train.patients) & set(other.train.patients)
    assert apart == (unit == "patient")


def test_a_private_training_on_members_protects_those_that_there_are(discs: str) -> None:
    privacy = PrivacyConfig(noise_multiplier=1.0, delta=1e-3)
    plan = make_plan(settings(discs, "patient coins 1, half 0", privacy=privacy), load(discs))
    assert plan.unit_count == plan.train.patient_count < 10


def test_the_ledger_charges_members_and_strangers_alike(discs: str, workspace: Path) -> None:
    privacy = PrivacyConfig(noise_multiplier=1.0, delta=1e-3)
    for members in (None, "patient coins 1, half 0", "patient coins 1, half 1"):
        events = list(train(settings(discs, members, privacy=privacy)))
        assert isinstance(events[0], Started)
    charges = Ledger(workspace).charges("discs")
    assert len(charges) == 3
    assert len({(charge.fingerprint, charge.planned, charge.counted) for charge in charges}) == 1


@pytest.mark.parametrize(
    "members", ["3, 5, 9", "first half", "patient coins 7", "members.csv", "site coins 1, half 0"]
)
def test_members_that_somebody_chose_are_refused(discs: str, members: str) -> None:
    with pytest.raises(BadInput, match="must be decided by fair coins") as refused:
        settings(discs, members)
    assert refused.value.field == "members"


def test_coins_are_thrown_for_what_is_protected(discs: str) -> None:
    with pytest.raises(BadInput, match="Coins are thrown for each slice, but what is protected"):
        settings(discs, "slice coins 1, half 0", privacy=PrivacyConfig(noise_multiplier=1.0))


def test_a_half_of_nobody_is_refused(discs: str) -> None:
    slices = load(discs)
    few = settings(discs, None, patients=1)
    empty = next(
        half for half in (0, 1) if not Coins(unit="patient", seed=1, half=half).heads(1).any()
    )
    with pytest.raises(BadInput, match="of 1 coins none fell heads"):
        parts_of(replace(few, members=f"patient coins 1, half {empty}"), slices)


def test_runs_of_older_versions_are_found_by_the_key_that_they_had(discs: str) -> None:
    config = settings(discs, None)
    values = config_to_json(config)
    assert "members" not in values
    assert config_from_json(TrainConfig, values) == config
    coined = replace(config, members="patient coins 7, half 3")
    assert config_from_json(TrainConfig, config_to_json(coined)) == coined
    assert config_key(coined) != config_key(config) == values_key(values)
